import { expect, it } from 'vitest';

import { positionsAfter } from './order';

const rows = [
  { id: 'a', position: 0 },
  { id: 'b', position: 1 },
  { id: 'c', position: 2 },
];
const moves = (id: string, by: 1 | -1, list = rows) => positionsAfter(list, id, by).map(({ row, position }) => [row.id, position]);

it('two neighbours change places, and no other row is written', () => {
  expect(moves('b', 1)).toEqual([
    ['c', 1],
    ['b', 2],
  ]);
  expect(moves('a', -1)).toEqual([]);
  expect(moves('c', 1)).toEqual([]);
});

it('positions with gaps or doubles are put in order by the way', () => {
  const odd = [
    { id: 'a', position: 5 },
    { id: 'b', position: 5 },
  ];
  expect(moves('b', -1, odd)).toEqual([
    ['b', 0],
    ['a', 1],
  ]);
});
