import { expect, it } from 'vitest';

import type { Schemas } from '@/api/client';

import { latestConsents } from './consents';

const entry = (id: string, channel: Schemas['ConsentChannel'], given: boolean): Schemas['Consent'] => ({
  id,
  lead_id: 'lead_1',
  channel,
  purpose: 'marketing',
  given,
  source: 'console',
  evidence: '',
  actor_kind: 'user',
  created_at: '2026-11-29T08:00:00Z',
});

it('what was said last holds, for each channel by itself', () => {
  const ledger = [entry('3', 'sms', false), entry('2', 'email', true), entry('1', 'sms', true)];
  expect(latestConsents(ledger).map(({ id }) => id)).toEqual(['3', '2']);
});
