import { expect, it } from 'vitest';

import { type Listed, changed, rowsOf, without } from './pages';

const listed: Listed<{ id: string; n: number }> = {
  pageParams: [undefined, 'b'],
  pages: [
    { data: [{ id: 'a', n: 1 }, { id: 'b', n: 2 }], page: { has_more: true, next: 'b' } },
    { data: [{ id: 'b', n: 3 }, { id: 'c', n: 4 }], page: { has_more: false } },
  ],
};

it('a row that moved while paging is there once', () => {
  expect(rowsOf(listed).map((row) => row.id)).toEqual(['a', 'b', 'c']);
  expect(rowsOf(undefined)).toEqual([]);
});

it('a row leaves every page, and the cache itself is not touched', () => {
  expect(rowsOf(without(listed, 'b')).map((row) => row.id)).toEqual(['a', 'c']);
  expect(rowsOf(listed)).toHaveLength(3);
});

it('a row is changed where it is', () => {
  expect(rowsOf(changed(listed, 'c', (row) => ({ ...row, n: 9 }))).map((row) => row.n)).toEqual([1, 2, 9]);
});
