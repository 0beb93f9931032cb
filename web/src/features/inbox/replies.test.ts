import { expect, it } from 'vitest';

import { type Reply, filled, matching, slashAt } from './replies';

const reply = (shortcut: string, text = '') => ({ id: shortcut, shortcut, text, version: 1 }) as unknown as Reply;

it('a slash that begins a word asks for replies, and no other one does', () => {
  expect(slashAt('/', 1)).toEqual({ from: 0, typed: '' });
  expect(slashAt('/שע', 3)).toEqual({ from: 0, typed: 'שע' });
  expect(slashAt('Good morning\n/ho later', 16)).toEqual({ from: 13, typed: 'ho' });
  for (const [text, caret] of [['', 0], ['9/10', 4], ['/two words', 10], ['https://x', 9], ['/hours', 0]] as const) {
    expect(slashAt(text, caret), text).toBe(null);
  }
});

it('what begins so comes before what only has it', () => {
  const all = [reply('address', 'near the hospital'), reply('Hours'), reply('openhours'), reply('bye')];
  expect(matching(all, 'ho').map(({ shortcut }) => shortcut)).toEqual(['Hours', 'openhours', 'address']);
  expect(matching(all, 'HOURS').map(({ shortcut }) => shortcut)).toEqual(['Hours', 'openhours']);
  expect(matching(all, 'zzz')).toEqual([]);
  expect(matching([...all, ...all], '')).toHaveLength(5);
});

it('blanks are filled, and an unknown name leaves none', () => {
  const text = 'Hello {name}, this is {business}. {name}!';
  expect(filled(text, { name: 'Ruth $& Bar-On', business: 'Levi' })).toBe('Hello Ruth $& Bar-On, this is Levi. Ruth $& Bar-On!');
  expect(filled(text, { name: '', business: 'Levi' })).toBe('Hello, this is Levi.!');
  expect(filled('{name} שלום', { name: '', business: '' })).toBe('שלום');
  expect(filled('{price} {name}', { name: '{business}', business: 'Levi' })).toBe('{price} {business}');
});
