import '@/shared/test/browser';

import { expect, it } from 'vitest';

import { withinReason } from './Toasts';

interface Named {
  name: string;
  action?: { label: string; run: () => void };
}

const plain = (name: string): Named => ({ name });
const undo = (name: string): Named => ({ name, action: { label: 'Undo', run: () => undefined } });
const names = (toasts: Named[]) => withinReason(toasts).map(({ name }) => name);

it('of too many the oldest leaves', () => {
  expect(names(['a', 'b', 'c', 'd'].map(plain))).toEqual(['a', 'b', 'c', 'd']);
  expect(names(['a', 'b', 'c', 'd', 'e'].map(plain))).toEqual(['b', 'c', 'd', 'e']);
});

it('what can still be taken back stays, whatever else is said', () => {
  expect(names([undo('a'), plain('b'), plain('c'), plain('d'), plain('e')])).toEqual(['a', 'c', 'd', 'e']);
  expect(names(['a', 'b', 'c', 'd', 'e'].map(undo))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(names([...['a', 'b', 'c', 'd'].map(undo), plain('e')])).toEqual(['a', 'b', 'c', 'd', 'e']);
});
