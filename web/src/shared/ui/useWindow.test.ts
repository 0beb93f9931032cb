import { expect, it } from 'vitest';

import { rowsSeen } from './useWindow';

it('has the rows that are seen, and few around them, wherever a long list stands', () => {
  for (let top = 0; top < 5_600_000; top += 12_345) {
    const { first, end } = rowsSeen(top, 650, 56, 100_000);
    expect(first).toBeLessThanOrEqual(Math.floor(top / 56));
    expect(end).toBeGreaterThanOrEqual(Math.min(100_000, Math.ceil((top + 650) / 56)));
    expect(end - first).toBeLessThan(40);
  }
});

it('asks for no rows that are not there', () => {
  expect(rowsSeen(0, 650, 56, 3)).toEqual({ first: 0, end: 3 });
  expect(rowsSeen(0, 650, 56, 0)).toEqual({ first: 0, end: 0 });
  // The list has become shorter than where it stood.
  expect(rowsSeen(56_000, 650, 56, 10)).toEqual({ first: 9, end: 10 });
});
