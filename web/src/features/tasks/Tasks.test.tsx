import { expect, it } from 'vitest';

import { AWAY, type Answers, listed, shown } from '@/shared/test/render';

import { Tasks } from './Tasks';

const DATED = ['task', 'list', { status: 'open', sort: 'due' }];
const UNDATED = ['task', 'undated', undefined];
const task = (id: string, due_at: string | null) => ({ id, title: `Task ${id}`, body: '', due_at, status: 'open', priority: 'normal', version: 1 });
const page = (...rows: unknown[]) => ({ data: rows, page: { has_more: false } });
const screen = (answers: Answers) => shown(<Tasks />, ['tasks:read'], answers);

it('one outage is said once, with what was not loaded', () => {
  const seen = screen([[DATED, AWAY], [UNDATED, AWAY]]);
  expect(seen.split('role="alert"')).toHaveLength(2);
  expect(seen).toContain('The tasks were not loaded.');
});

it('what is known is shown when the other list failed', () => {
  const seen = screen([[DATED, listed([task('a', '2026-11-28T12:00:00Z')])], [UNDATED, AWAY]]);
  expect(seen).toContain('Task a');
  expect(seen).toContain('Try again');
});

it('those with a date are headed where others have none, and not where they are all there is', () => {
  const dated = listed([task('a', '2026-11-28T12:00:00Z')]);
  expect(screen([[DATED, dated], [UNDATED, page(task('b', null))]])).toContain('With a date');
  expect(screen([[DATED, dated], [UNDATED, page()]])).not.toContain('With a date');
  expect(screen([[DATED, listed([])], [UNDATED, page()]])).toContain('No tasks here.');
});
