import type { Schemas } from '@/api/client';
import { ApiError } from '@/api/problem';
import { readPhone } from '@/shared/format/phone';
import { textOf } from '@/shared/ui/Form';

/** What a number can do with a call while all its lines are taken, in the order in which it is offered. */
export const WHEN_FULL = ['call_back', 'hold', 'overflow', 'voicemail'] as const satisfies readonly Schemas['WhenFull'][];

/** As many lines as a number may have, as the API says. */
const MOST_LINES = 1_000;

/** What somebody chose, as the API takes it; a refusal like the API's own where a field cannot be read. */
export function readFull(form: FormData): Schemas['NumberPatch'] {
  const lines = textOf(form, 'max_live_calls');
  const most = lines === null ? null : Number(lines);
  if (most !== null && !(Number.isInteger(most) && most >= 1 && most <= MOST_LINES)) throw refused('max_live_calls');
  const when_full = WHEN_FULL.find((one) => one === form.get('when_full')) ?? 'call_back';
  const patch: Schemas['NumberPatch'] = { max_live_calls: most, when_full };
  // The phone stays stored while something else is done: whoever goes back to it finds it.
  if (when_full !== 'overflow') return patch;
  const phone = textOf(form, 'overflow_number');
  if (phone === null) throw refused('overflow_number');
  return { ...patch, overflow_number: readPhone(phone) };
}

/** A refusal of a field like the API's own. */
export function refused(field: string): ApiError {
  return new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors: [{ pointer: `/${field}`, detail: '' }] });
}
