import { expect, it } from 'vitest';

import type { Schemas } from '@/api/client';

import { heirsOf, whyNotRemoved } from './rules';

function member(id: string, role: Schemas['Role'], status: Schemas['MemberStatus'] = 'active'): Schemas['Member'] {
  return { id, role, status, email: `${id}@x.example`, name: id, language: 'he', has_second_factor: false, created_at: '2026-11-28T00:00:00Z', version: 1 };
}

it('nobody removes himself, nor the only owner', () => {
  const members = [member('a', 'owner'), member('b', 'agent'), member('c', 'owner', 'suspended')];
  const why = (id: string, self: string) => whyNotRemoved(members.find((one) => one.id === id) ?? member('?', 'agent'), members, self);
  expect(why('a', 'a')).toBe('self');
  expect(why('a', 'b')).toBe('sole-owner');
  expect(why('b', 'a')).toBeNull();
  expect(why('c', 'a')).toBeNull();
});

it('one of two owners can be removed', () => {
  const members = [member('a', 'owner'), member('b', 'owner')];
  expect(members.map((one) => whyNotRemoved(one, members, 'a'))).toEqual(['self', null]);
});

it('heirs work here and may change records', () => {
  const members = [member('a', 'owner'), member('b', 'agent'), member('c', 'viewer'), member('d', 'manager', 'suspended')];
  expect(heirsOf(member('b', 'agent'), members).map((one) => one.id)).toEqual(['a']);
});
