import { expect, it } from 'vitest';

import type { Schemas } from '@/api/client';
import type { Conversation } from '@/shared/data/chat';

import { waitedFor, waits, whoWaits } from './rescue';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

function conversation(about: Partial<Conversation>): Conversation {
  return { id: 'conv', status: 'open', agent_paused: true, last_inbound_at: ago(1), last_message_at: ago(1), ...about } as Conversation;
}

it('who wrote last waits; the agent has a few minutes before its silence counts', () => {
  expect(waits(conversation({}), NOW)).toBe(true);
  expect(waits(conversation({ agent_paused: false }), NOW)).toBe(false);
  expect(waits(conversation({ agent_paused: false, last_inbound_at: ago(5) }), NOW)).toBe(true);
  expect(waits(conversation({ status: 'waiting' }), NOW)).toBe(false);
  expect(waits(conversation({ status: 'closed' }), NOW)).toBe(false);
  expect(waits(conversation({ last_inbound_at: null }), NOW)).toBe(false);
});

it('calls and messages are one list, who tried last first', () => {
  const call = (id: string, minutes: number) => ({ id, started_at: ago(minutes) }) as Schemas['Call'];
  const found = whoWaits([call('b', 20), call('d', 90)], [conversation({ id: 'a' }), conversation({ id: 'c', last_inbound_at: ago(30) }), conversation({ id: 'x', status: 'waiting' })], NOW);
  expect(found.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
});

it('says for how long', () => {
  expect([0, 59, 60, 1_439, 1_440, 5_000].map((minutes) => waitedFor(ago(minutes), NOW))).toEqual([
    { unit: 'minutes', count: 0 },
    { unit: 'minutes', count: 59 },
    { unit: 'hours', count: 1 },
    { unit: 'hours', count: 23 },
    { unit: 'days', count: 1 },
    { unit: 'days', count: 3 },
  ]);
});
