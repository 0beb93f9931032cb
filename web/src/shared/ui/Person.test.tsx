import { expect, it } from 'vitest';

import { shown } from '@/shared/test/render';

import { PeerName, PersonName, personText } from './Person';

const seen = (person: Parameters<typeof PersonName>[0]['person']) => shown(<PersonName person={person} />, [], []);

it('somebody is called by name, else by number, else by address, else it is said that there is no name', () => {
  expect(seen({ name: 'Dana', phone: '+972501234567' })).toContain('Dana');
  expect(seen({ name: '', phone: '+972501234567', email: 'dana@example.com' })).toContain('050-123-4567');
  expect(seen({ email: 'dana@example.com' })).toContain('dana@example.com');
  expect(seen({})).toContain('Without a name');
  expect([personText({ phone: '+972501234567' }, 'x'), personText({ name: null }, 'x')]).toEqual(['050-123-4567', 'x']);
});

it('the other side of a conversation is called as its lead is, else as it calls itself, else by its number', () => {
  const one = { id: 'conv_1', lead_id: 'lead_1', peer: '972501234567@s.whatsapp.net', peer_name: 'dana ❤' };
  const peer = (changed: object, lead: object) => shown(<PeerName conversation={{ ...one, ...changed } as never} />, ['leads:read'], [[['lead', 'one', 'lead_1'], lead]]);
  expect(peer({}, { name: 'Dana Cohen' })).toContain('Dana Cohen');
  expect(peer({}, {})).toContain('dana ❤');
  expect(peer({ peer_name: null }, {})).toContain('050-123-4567');
  expect(peer({ peer_name: null, peer: '123456789012345@lid', lead_id: null }, {})).toContain('Without a name');
});
