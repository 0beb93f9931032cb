import type { Schemas } from '@/api/client';

type Settings = Schemas['BusinessSettings'];

/**
 * What each section of the settings shows, as the key it is made by: what is typed in one stays while another one is
 * saved, here or by somebody else.
 */
export const shown = {
  voice: ({ name, voice, tools, record_calls, announcement }: Settings) => JSON.stringify([name, voice.greeting, voice.instructions, voice.voice, tools, record_calls, announcement]),
  hours: ({ hours }: Settings) => JSON.stringify([hours.week, hours.rest?.shabbat, hours.holiday_calendar]),
  missed: ({ missed_call_reply, missed_call_text }: Settings) => JSON.stringify([missed_call_reply, missed_call_text]),
  budget: ({ monthly_budget_micro_usd }: Settings) => JSON.stringify(monthly_budget_micro_usd ?? null),
  storage: ({ storage_limit_bytes }: Settings) => JSON.stringify(storage_limit_bytes),
};
