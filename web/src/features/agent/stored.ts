import { readAmount } from '@/shared/format/money';

const MEGABYTE = 1_000_000;
const GIGABYTE = 1_000 * MEGABYTE;

/** What somebody typed as gigabytes, in bytes; nothing when it is no amount. */
export function readGigabytes(text: string | null): number | undefined {
  const hundredths = text === null ? null : readAmount(text);
  return hundredths === null ? undefined : hundredths * (GIGABYTE / 100);
}

/** A limit as it is typed, without zeros at its end. */
export function writeGigabytes(bytes: number): string {
  return String(Math.round(bytes / (GIGABYTE / 100)) / 100);
}

/** How much is stored, as people say it: what is not nothing is not said to be. */
export function showStored(bytes: number): string {
  if (bytes >= GIGABYTE) return `${(bytes / GIGABYTE).toFixed(1)} GB`;
  return `${Math.ceil(bytes / MEGABYTE)} MB`;
}

/** From here on owners are told, in percent. */
const WARN_PERCENT = 90;

/** How the room left stands. */
export function stateOf(used: number, limit: number): 'plenty' | 'warn' | 'full' {
  if (used >= limit) return 'full';
  return used * 100 >= limit * WARN_PERCENT ? 'warn' : 'plenty';
}
