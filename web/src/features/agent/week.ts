import type { Schemas } from '@/api/client';

/** The days of the week as the API names them, from Sunday. */
export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** One of them. */
export type Day = (typeof DAYS)[number];

/** Opening times as one writes them, such as `09:00-13:00, 16:00-19:00`. */
export function writeRanges(ranges: readonly Schemas['OpenRange'][] | undefined): string {
  return (ranges ?? []).map(({ from, to }) => `${from}-${to}`).join(', ');
}

/** Reads what somebody wrote; nothing when it is no list of times, and an empty list when he wrote nothing. */
export function readRanges(text: string): Schemas['OpenRange'][] | null {
  const parts = text.split(/[,;]/).map((part) => part.trim()).filter((part) => part !== '');
  const ranges = parts.map((part) => {
    const found = /^([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*(?:([01]?\d|2[0-3]):([0-5]\d)|(24):(00))$/.exec(part);
    if (!found) return null;
    const time = (hour: string | undefined, minute: string | undefined) => `${(hour ?? '').padStart(2, '0')}:${minute ?? ''}`;
    const range = { from: time(found[1], found[2]), to: time(found[3] ?? found[5], found[4] ?? found[6]) };
    return range.from < range.to ? range : null;
  });
  return ranges.some((range) => range === null) ? null : (ranges as Schemas['OpenRange'][]);
}
