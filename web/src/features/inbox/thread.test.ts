import { expect, it } from 'vitest';

import type { Schemas } from '@/api/client';
import type { Message } from '@/shared/data/chat';

import { entriesOf, isWindowClosed, threadOf } from './thread';

let made = 0;
function message({ to, ...about }: Partial<Message> & { to?: string }): Message {
  made += 1;
  return {
    id: `msg_${made}`, conversation_id: 'conv_1', direction: 'inbound', kind: 'text', body: '', status: 'received', actor_kind: 'contact',
    at: new Date(2026, 10, 28, 9, made).toISOString(), version: 1, ...about,
    media: to === undefined ? null : { to },
  };
}

it('reads from the oldest to the newest', () => {
  const [first, second] = [message({ body: 'a' }), message({ body: 'b' })];
  expect(threadOf([second, first]).map(({ body }) => body)).toEqual(['a', 'b']);
});

it('an edit shows the newest words where the old ones stood, and nobody else can write them', () => {
  const said = message({ body: 'at five', external_id: 'X1' });
  const edit = message({ kind: 'edit', body: 'at six', to: 'X1' });
  const forged = message({ kind: 'edit', body: 'never', to: 'X1', direction: 'outbound' });
  const thread = threadOf([forged, edit, said]);
  expect(thread.map(({ body, isEdited }) => [body, isEdited])).toEqual([['at six', true]]);
});

it('signs stand on what they are about; a new one replaces the old one, an empty one takes it away', () => {
  const said = message({ body: 'thanks', external_id: 'X2' });
  const sign = (body: string, direction: Message['direction'] = 'inbound') => message({ kind: 'reaction', body, direction, to: 'X2' });
  expect(threadOf([sign('🙏'), sign('👍'), said])[0]?.signs).toEqual(['🙏']);
  expect(threadOf([sign(''), sign('❤️', 'outbound'), sign('👍'), said])[0]?.signs).toEqual(['❤️']);
});

it('what is about a message that is not loaded is shown by itself', () => {
  expect(threadOf([message({ kind: 'reaction', body: '👍', to: 'elsewhere' })])).toHaveLength(1);
});

it('a quote finds what it quotes', () => {
  const said = message({ body: 'how much?', external_id: 'X3' });
  const answer = message({ body: '350', quoted_external_id: 'X3', direction: 'outbound' });
  expect(threadOf([answer, said])[1]?.quoted?.body).toBe('how much?');
});

it("the team's notes stand where they were written, and days begin where they do", () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString();
  const note = (created_at: string) => ({ id: `note_${created_at}`, created_at, body: 'b' }) as Schemas['Note'];
  const newestFirst = [message({ at: at(28, 1), body: 'b' }), message({ at: at(27, 22), body: 'a' })];
  const entries = (hasOlder: boolean) => entriesOf(newestFirst, [note(at(27, 23)), note(at(20, 9))], hasOlder);
  expect(entries(true).map(({ shown, beginsDay }) => [shown?.body ?? 'note', beginsDay])).toEqual([['a', true], ['note', false], ['b', true]]);
  expect(entries(false).map(({ shown }) => shown?.body ?? 'note')).toEqual(['note', 'a', 'note', 'b']);
});

it('behind 24 hours only a template goes out, where the channel has such', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  expect(isWindowClosed(true, '2026-11-27T12:00:01Z', now)).toBe(false);
  expect(isWindowClosed(true, '2026-11-27T12:00:00Z', now)).toBe(true);
  expect(isWindowClosed(true, null, now)).toBe(true);
  expect(isWindowClosed(false, null, now)).toBe(false);
});
