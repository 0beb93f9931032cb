import { expect, it } from 'vitest';

import { grouped, isLinked, isLinking, isPassing, mayUnlink, mustWait, secondsLeft, toneOf, youngest } from './link';

it('of two answers the younger one holds', () => {
  const status = { state: 'qr', at: 10 } as const;
  expect(youngest(status, { state: 'ready', at: 11 })).toBe('ready');
  expect(youngest({ state: 'expired', at: 12 }, { state: 'qr', at: 11 })).toBe('expired');
  expect(youngest(undefined, undefined)).toBeUndefined();
  expect(youngest(status, undefined)).toBe('qr');
});

it('counts down from what the server said, and never below nothing', () => {
  const code = { seconds_left: 20 };
  expect([0, 500, 19_000, 19_500, 60_000].map((passed) => secondsLeft(code, 1_000, 1_000 + passed))).toEqual([20, 20, 1, 1, 0]);
  expect(secondsLeft({ seconds_left: null }, 0, 0)).toBe(0);
  // A clock that was set back adds nothing.
  expect(secondsLeft(code, 1_000, 0)).toBe(20);
});

it('asks again only while something passes by itself', () => {
  expect((['connecting', 'qr', 'pairing_code', 'unreachable'] as const).every(isPassing)).toBe(true);
  expect((['ready', 'expired', 'logged_out', 'replaced', 'banned'] as const).some(isPassing)).toBe(false);
  expect(isLinking('unreachable')).toBe(false);
  expect([toneOf('ready'), toneOf('banned'), toneOf('expired')]).toEqual(['good', 'bad', 'warn']);
});

it('what is linked can be unlinked, also while it connects and while WhatsApp is away', () => {
  expect((['ready', 'connecting', 'unreachable'] as const).every(mayUnlink)).toBe(true);
  expect((['unlinked', 'qr', 'pairing_code', 'expired', 'logged_out', 'banned'] as const).some(mayUnlink)).toBe(false);
});

it('to link anew is not offered where the link comes back by itself, and comes second where it does not help yet', () => {
  expect((['ready', 'unreachable'] as const).every(isLinked)).toBe(true);
  expect((['connecting', 'expired', 'replaced', 'logged_out', 'banned'] as const).some(isLinked)).toBe(false);
  expect((['banned', 'outdated'] as const).every(mustWait)).toBe(true);
  expect((['unlinked', 'expired', 'broken', 'replaced'] as const).some(mustWait)).toBe(false);
});

it('a code to be typed is read in two halves', () => {
  expect([grouped('ABCD1234'), grouped('ABC')]).toEqual(['ABCD-1234', 'ABC']);
});
