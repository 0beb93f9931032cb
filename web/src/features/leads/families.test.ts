import { expect, it } from 'vitest';

import { familyOf } from './families';

it('every kind belongs to a family', () => {
  const kinds = ['call.ended', 'promise.made', 'message', 'note.added', 'task.done', 'appointment.moved', 'deal.created', 'payment.received', 'lead.created', 'consent.given'];
  expect(kinds.map(familyOf)).toEqual(['call', 'call', 'message', 'note', 'task', 'task', 'money', 'money', 'system', 'system']);
});
