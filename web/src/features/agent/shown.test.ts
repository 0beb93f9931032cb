import { expect, it } from 'vitest';

import type { Schemas } from '@/api/client';

import { shown } from './shown';

const settings = {
  version: 1,
  name: 'Office',
  voice: { greeting: 'Hello', instructions: 'Be kind', voice: 'marin' },
  tools: ['take_message'],
  record_calls: true,
  announcement: null,
  hours: { week: { sunday: [] }, rest: { shabbat: true }, holiday_calendar: 'israel' },
  missed_call_reply: 'always',
  missed_call_text: null,
  monthly_budget_micro_usd: null,
  storage_limit_bytes: 1_000,
} as unknown as Schemas['BusinessSettings'];

const changedBy = (change: object) => {
  const after = { ...settings, ...change, version: 2 };
  return (Object.keys(shown) as (keyof typeof shown)[]).filter((section) => shown[section](settings) !== shown[section](after));
};

it('a section is made anew when what it shows has changed, and stays when another one was saved', () => {
  expect(changedBy({})).toEqual([]);
  expect(changedBy({ voice: { ...settings.voice, instructions: 'Be brief' } })).toEqual(['voice']);
  expect(changedBy({ tools: [] })).toEqual(['voice']);
  expect(changedBy({ hours: { ...settings.hours, rest: { shabbat: false } } })).toEqual(['hours']);
  expect(changedBy({ missed_call_text: 'We call back' })).toEqual(['missed']);
  expect(changedBy({ monthly_budget_micro_usd: 5 })).toEqual(['budget']);
  expect(changedBy({ storage_limit_bytes: 2_000 })).toEqual(['storage']);
});
