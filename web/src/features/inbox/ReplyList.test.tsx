import { expect, it } from 'vitest';

import { shown } from '@/shared/test/render';

import { ReplyList, optionId } from './ReplyList';
import type { Reply } from './replies';

const reply = (shortcut: string) => ({ id: shortcut, shortcut, text: `The ${shortcut} one`, version: 1 }) as unknown as Reply;
const seen = (offered: Reply[], chosen = 0) => shown(<ReplyList id="list" offered={offered} chosen={chosen} wordsOf={({ text }) => text.replace('The', 'A')} onChoose={() => undefined} />, [], []);

it('says how many there are and which one is meant', () => {
  const two = seen([reply('first'), reply('firm')], 1);
  expect(two).toContain('2 canned replies');
  expect(two).toContain('role="listbox"');
  // As it will be put in, not as it is kept.
  expect(two).toContain('A firm one');
  expect(two).toMatch(new RegExp(`id="${optionId('list', 1)}"[^>]*aria-selected="true"`));
  expect(two).toMatch(new RegExp(`id="${optionId('list', 0)}"[^>]*aria-selected="false"`));
});

it('what has nothing to offer is heard as nothing', () => {
  const none = seen([]);
  expect(none).toContain('role="status"');
  expect(none).not.toContain('listbox');
});
