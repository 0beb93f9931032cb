import type { Schemas } from '@/api/client';
import { readPhone } from '@/shared/format/phone';
import { textOf } from '@/shared/ui/Form';

import { refused } from './full';

/** Who can take the calls to a number, in the order in which it is offered. */
export const MODES = ['ai_always', 'ai_outside_hours', 'ring_first'] as const satisfies readonly Schemas['AnswerMode'][];

/** For how many seconds a phone may ring, as the API says. */
const SHORTEST = 5;
const LONGEST = 60;

/** Whether a phone of the business rings before the agent answers. */
export function ringsFirst(mode: string): boolean {
  return mode !== 'ai_always';
}

/** What somebody chose, as the API takes it; a refusal like the API's own where a field cannot be read. */
export function readAnswering(form: FormData): Schemas['NumberPatch'] {
  const answer_mode = MODES.find((one) => one === form.get('answer_mode')) ?? 'ai_always';
  // The phone stays stored while the agent always answers: whoever goes back to it finds it.
  if (!ringsFirst(answer_mode)) return { answer_mode };
  const phone = textOf(form, 'ring_number');
  if (phone === null) throw refused('ring_number');
  const ring_seconds = Number(textOf(form, 'ring_seconds') ?? '');
  if (!(Number.isInteger(ring_seconds) && ring_seconds >= SHORTEST && ring_seconds <= LONGEST)) throw refused('ring_seconds');
  return { answer_mode, ring_number: readPhone(phone), ring_seconds };
}

/** A number of the business as it is added. */
export function readNumber(form: FormData): Schemas['NewNumber'] {
  return { number: readPhone(textOf(form, 'number') ?? ''), label: textOf(form, 'label') };
}
