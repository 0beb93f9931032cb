import { expect, it } from 'vitest';

import { percentOf, readCap, sumOf, writeCap } from './cap';

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

it('adds up a month', () => {
  expect(sumOf({ month: '2026-11', calls_micro_usd: 1, summaries_micro_usd: 20, chats_micro_usd: 300, voice_notes_micro_usd: 4_000, talks_micro_usd: 50_000 })).toBe(54_321);
});
