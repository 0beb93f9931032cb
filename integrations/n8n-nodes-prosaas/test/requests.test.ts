import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { createLead, createTask, findConversation, sendMessage, type Asked } from '../lib/requests';

const LEAD = 'lead_0197e4c2a0007000800000000000a0b1';
const CONVERSATION = 'conv_0197e4c2a0007000800000000000a0b1';

interface Document {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, { properties: Record<string, unknown> }> };
}

// From dist/test, the root of the repository.
const api = JSON.parse(readFileSync(join(__dirname, '../../../../docs/openapi.json'), 'utf8')) as Document;

function matches(asked: Asked, path: string, schema?: string): void {
  assert.ok(api.paths[path]?.[asked.method.toLowerCase()], `${asked.method} ${path} is in the document`);
  const template = path.replace('{id}', '[a-z0-9_]+');
  assert.match(asked.path, new RegExp(`^${template}(\\?.*)?$`));
  if (schema === undefined) return;
  const known = Object.keys(api.components.schemas[schema]?.properties ?? {});
  for (const name of Object.keys(asked.body ?? {})) assert.ok(known.includes(name), `${schema} has ${name}`);
}

test('what is asked is what the document describes', () => {
  const lead = { company: 'c', email: 'dana@example.com', intent: 'i', name: 'n', next_step: 's', notes: 'o', phone: '050-1234567' };
  matches(createLead(lead), '/api/crm/leads', 'CreateLead');
  const task = { body: 'b', due_at: '2026-12-01T09:00:00Z', lead_id: LEAD, priority: 'urgent', remind_at: '2026-12-01T08:00:00Z' };
  matches(createTask('t', task), '/api/crm/tasks', 'NewTask');
  matches(findConversation(LEAD), '/api/conversations');
  matches(sendMessage(CONVERSATION, 'hello'), '/api/conversations/{id}/messages', 'NewMessage');
});

test('a time has a zone', () => {
  const { body } = createTask('t', { due_at: '2026-12-01T11:00:00+02:00' });
  assert.equal(body?.['due_at'], '2026-12-01T09:00:00.000Z');
  assert.throws(() => createTask('t', { remind_at: 'tomorrow' }), /remind_at/);
});

test('what was left empty is not sent', () => {
  assert.deepEqual(createLead({ name: 'Dana', phone: '', email: null, notes: undefined }).body, { name: 'Dana' });
});

test('what the server would refuse is refused here', () => {
  assert.throws(() => createLead({ notes: 'nobody' }), /a name/);
  assert.throws(() => createTask(' ', {}), /title/);
  assert.throws(() => findConversation('lead_1&channel=sms'), /id of a lead/);
  assert.throws(() => sendMessage('../leads', 'x'), /conversation/);
  assert.throws(() => sendMessage(CONVERSATION, ''), /words/);
});
