import type { Schemas } from '@/api/client';

/** Of a ledger, the newest first: what holds now, one entry for each channel and purpose. */
export function latestConsents(ledger: readonly Schemas['Consent'][]): Schemas['Consent'][] {
  const seen = new Set<string>();
  return ledger.filter(({ channel, purpose }) => {
    const key = `${channel} ${purpose}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
