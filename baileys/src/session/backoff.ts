// How long to wait before the next try. Pure.

const BASE_MS = 1_000;
const CAP_MS = 60_000;
/** After so many failures the cap rises. */
const MANY = 10;
const CAP_AFTER_MANY_MS = 300_000;
/** Without a network WhatsApp sees none of our tries: look often, to be back soon after it returns. */
const NO_NETWORK_CAP_MS = 3_000;
const REPLACED_BASE_MS = 30_000;
const QUARANTINE_BASE_MS = 600_000;
const QUARANTINE_CAP_MS = 6 * 3_600_000;

/** The longest wait after that many failures in a row (1 for the first). */
export function backoffMs(failures: number, noNetwork: boolean): number {
  const doubled = BASE_MS * 2 ** Math.min(failures - 1, 20);
  if (noNetwork) return Math.min(doubled, NO_NETWORK_CAP_MS);
  return Math.min(doubled, failures > MANY ? CAP_AFTER_MANY_MS : CAP_MS);
}

/** A time between nothing and `max`: many sessions that fell together do not come back together. */
export function fullJitter(max: number, random: number): number {
  return Math.round(max * random);
}

/** After the n-th time that another program took the session: at least 30 s, doubling, with up to half more by chance. */
export function replacedMs(times: number, random: number): number {
  return Math.round(REPLACED_BASE_MS * 2 ** (times - 1) * (1 + random / 2));
}

/** After the n-th quarantine in a row: 10 minutes, doubling to 6 hours. */
export function quarantineMs(times: number): number {
  return Math.min(QUARANTINE_BASE_MS * 2 ** Math.min(times - 1, 10), QUARANTINE_CAP_MS);
}
