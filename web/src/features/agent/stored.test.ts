import { expect, it } from 'vitest';

import { readGigabytes, showStored, stateOf, writeGigabytes } from './stored';

it('gigabytes are typed and read back', () => {
  expect(readGigabytes('5')).toBe(5_000_000_000);
  expect(readGigabytes('0.5')).toBe(500_000_000);
  expect(readGigabytes('much')).toBe(undefined);
  expect(readGigabytes(null)).toBe(undefined);
  expect(writeGigabytes(5_000_000_000)).toBe('5');
  expect(writeGigabytes(2_500_000_000)).toBe('2.5');
});

it('sizes are said as people say them', () => {
  expect(showStored(0)).toBe('0 MB');
  expect(showStored(1)).toBe('1 MB');
  expect(showStored(730_000_000)).toBe('730 MB');
  expect(showStored(4_560_000_000)).toBe('4.6 GB');
});

it('owners are told from nine tenths on, and nothing is left at the limit', () => {
  expect(stateOf(89, 100)).toBe('plenty');
  expect(stateOf(90, 100)).toBe('warn');
  expect(stateOf(100, 100)).toBe('full');
  expect(stateOf(0, 0)).toBe('full');
});
