import { expect, it } from 'vitest';

import { AWAY, type Answers, listed, shown } from '@/shared/test/render';

import { Rescue } from './Rescue';

const BOTH = ['calls:read', 'conversations:read'];
const CALLS = ['call', 'waiting'];
const CHATS = ['conversation', 'open'];
const NOBODY = 'Nobody is waiting for an answer now.';
const missed = { id: 'call_1', caller: '+97231234567', started_at: '2026-11-28T12:00:00Z', answered_by: 'nobody' };

const board = (answers: Answers, permissions = BOTH) => shown(<Rescue />, permissions, answers);

it('nobody is said when both lists are there and empty, and not before', () => {
  expect(board([[CALLS, listed([])], [CHATS, listed([])]])).toContain(NOBODY);
  for (const answers of [[], [[CALLS, listed([])]], [[CHATS, listed([])]]] as Answers[]) {
    expect(board(answers)).not.toContain(NOBODY);
    expect(board(answers)).toContain('Loading');
  }
});

it('a list that failed is said to have, with a way to ask again', () => {
  for (const answers of [[[CALLS, listed([])], [CHATS, AWAY]], [[CALLS, AWAY], [CHATS, listed([])]], [[CHATS, AWAY]]] as Answers[]) {
    const seen = board(answers);
    expect(seen).not.toContain(NOBODY);
    expect(seen).toContain('role="alert"');
    expect(seen).toContain('Try again');
  }
});

it('who is known to wait is shown while the other list is on its way or failed', () => {
  expect(board([[CALLS, listed([missed])]])).toContain('Missed call');
  const failed = board([[CALLS, listed([missed])], [CHATS, AWAY]]);
  expect(failed).toContain('Missed call');
  expect(failed).toContain('Try again');
});

it('what may not be seen is not waited for', () => {
  expect(board([[CALLS, listed([])]], ['calls:read'])).toContain(NOBODY);
  expect(board([[CHATS, listed([])]], ['conversations:read'])).toContain(NOBODY);
});

it('nobody among the latest is not nobody', () => {
  const seen = board([[CALLS, listed([])], [CHATS, listed([], true)]]);
  expect(seen).not.toContain(NOBODY);
  expect(seen).toContain('among the latest');
  expect(seen).toContain('Show more');
});
