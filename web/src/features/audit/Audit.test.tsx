import { expect, it } from 'vitest';

import { shown } from '@/shared/test/render';

import { What } from './Audit';

const entry = { id: 'audit_1', at: '2026-11-28T12:00:00Z', actor_kind: 'user', action: 'lead.deleted', entity: 'lead', entity_id: 'lead_1', detail: {} };
const seen = (changed: object) => shown(<What entry={{ ...entry, ...changed }} />, [], []);

it('an entry names whom it is about, and leads nowhere from what lies in the trash', () => {
  const page = seen({ lead: { id: 'lead_1', name: null, phone: '+972501234567', is_deleted: true } });
  expect(page).toContain('Lead – deleted');
  expect(page).toContain('050-123-4567');
  expect(page).not.toContain('<a');
});

it('who was erased has no name', () => {
  expect(seen({ action: 'person.erased' })).toContain('erased');
  expect(seen({ action: 'person.erased' })).not.toContain('Without a name');
});

it('what has no words yet is not shown as its code', () => {
  expect(seen({ action: 'robot.danced' })).toContain('>Something else<');
  expect(seen({ action: 'lead.danced' })).toContain('>Lead<');
});
