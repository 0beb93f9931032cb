import { expect, it } from 'vitest';

import { percentOf, readCap, writeCap } from './cap';

it('reads what it writes', () => {
  for (const cap of [0, 10_000, 20_000_000, 1_234_560_000]) {
    expect(readCap(writeCap(cap))).toBe(cap);
  }
  expect(writeCap(null)).toBe('');
});

it('tells no end from no amount', () => {
  expect(readCap(null)).toBeNull();
  for (const text of ['much', '-1', '1.234']) expect(readCap(text)).toBeUndefined();
});

it('fills the bar at the end and never beyond it', () => {
  expect(percentOf(5, 20)).toBe(25);
  expect(percentOf(30, 20)).toBe(100);
  expect(percentOf(0, 0)).toBe(100);
});
