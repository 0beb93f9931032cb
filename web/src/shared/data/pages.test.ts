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

it('a list that grows is the same as one that is read at once, however often it is asked for', () => {
  const page = (...ids: string[]) => ({ data: ids.map((id) => ({ id })), page: { has_more: true } });
  const pages = [page('a', 'b'), page('b', 'c'), page('c', 'a', 'd')];
  const upTo = (count: number) => ({ pages: pages.slice(0, count), pageParams: [] });
  const ids = (count: number) => rowsOf(upTo(count)).map(({ id }) => id).join('');
  expect([1, 2, 3, 3, 2, 3, 1].map(ids)).toEqual(['ab', 'abc', 'abcd', 'abcd', 'abc', 'abcd', 'ab']);
  // Another first page: what was read before is not gone on from.
  expect(rowsOf({ pages: [page('x'), ...pages.slice(1)], pageParams: [] }).map(({ id }) => id).join('')).toBe('xbcad');
});
