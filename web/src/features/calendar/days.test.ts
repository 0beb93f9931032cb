import { expect, it } from 'vitest';

import { isoDate, onDay } from './days';

it('names days by the calendar on the wall', () => {
  expect(isoDate(new Date(2026, 0, 5, 23, 59))).toBe('2026-01-05');
});

it('a day has what begins on it, in order', () => {
  const row = (day: number, hour: number) => ({ starts_at: new Date(2026, 10, day, hour).toISOString() });
  const rows = [row(28, 15), row(28, 9), row(29, 0), row(27, 23)];
  expect(onDay(rows, new Date(2026, 10, 28, 12))).toEqual([row(28, 9), row(28, 15)]);
});
