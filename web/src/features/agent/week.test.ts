import { expect, it } from 'vitest';

import { readRanges, writeRanges } from './week';

it('reads what it writes', () => {
  const ranges = [{ from: '09:00', to: '13:00' }, { from: '16:00', to: '24:00' }];
  expect(readRanges(writeRanges(ranges))).toEqual(ranges);
  expect(writeRanges(undefined)).toBe('');
});

it('is lenient about how times are written', () => {
  expect(readRanges('9:00 – 17:30')).toEqual([{ from: '09:00', to: '17:30' }]);
  expect(readRanges('')).toEqual([]);
});

it('refuses what is no time', () => {
  for (const text of ['9-17', '25:00-26:00', '17:00-09:00', '09:00-09:00', '09:00', 'closed']) {
    expect(readRanges(text)).toBeNull();
  }
});
