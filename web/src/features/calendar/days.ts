import { addDays, dayOf } from '@/shared/format/when';

/** A day as the API names it, such as `2026-11-29`, by the browser's calendar. */
export function isoDate(day: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** What begins on a day, in order. What began before the week's first day stands on none. */
export function onDay<T extends { starts_at: string }>(rows: readonly T[], day: Date): T[] {
  const [begin, end] = [dayOf(day).getTime(), dayOf(addDays(day, 1)).getTime()];
  const at = (row: T) => Date.parse(row.starts_at);
  return rows.filter((row) => at(row) >= begin && at(row) < end).sort((a, b) => at(a) - at(b));
}
