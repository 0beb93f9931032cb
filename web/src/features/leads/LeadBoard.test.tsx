import { expect, it } from 'vitest';

import { AWAY, listed, shown } from '@/shared/test/render';

import { LeadBoard } from './LeadBoard';

const STAGES = [{ id: 'stg_1', name: 'new', position: 0, kind: 'open' }];
const LIST = ['lead', 'list', { stage_id: 'stg_1' }];

it('a column is empty when its list is, not while it comes or when it failed', () => {
  const board = (answers: Parameters<typeof shown>[2]) => shown(<LeadBoard filter={{}} />, [], answers);
  expect(board([])).toContain('Loading');
  expect(board([[['stage'], AWAY]])).toContain('Try again');
  expect(board([[['stage'], STAGES]])).toContain('Loading');
  expect(board([[['stage'], STAGES], [LIST, AWAY]])).toContain('Try again');
  const empty = board([[['stage'], STAGES], [LIST, listed([])]]);
  expect(empty).not.toContain('Loading');
  expect(empty).not.toContain('Try again');
});

it('where nobody is known yet, there are words instead of columns', () => {
  const board = (value: number) => {
    const counts = { data: [{ stage_id: 'stg_1', count: { value, capped: false } }] };
    return shown(<LeadBoard filter={{}} empty="nobody yet" />, [], [[['stage'], STAGES], [['lead', 'board'], counts], [LIST, listed([])]]);
  };
  expect(board(0)).toContain('nobody yet');
  expect(board(1)).not.toContain('nobody yet');
});

it('where a filter lets nobody through, there is the way out of it instead of empty columns', () => {
  const counts = { data: [{ stage_id: 'stg_1', count: { value: 3, capped: false } }] };
  const board = (found: unknown[]) =>
    shown(<LeadBoard filter={{ q: 'dana' }} nothing="nothing found" empty="nobody yet" />, [], [[['stage'], STAGES], [['lead', 'board'], counts], [['lead', 'any', { q: 'dana' }], { data: found }]]);
  expect(board([])).toContain('nothing found');
  expect(board([{ id: 'lead_1' }])).not.toContain('nothing found');
});
