// What the node asks of the API, as docs/openapi.json describes it. Values in, requests out.

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Below the base URL. */
  readonly path: string;
  readonly body?: { [key: string]: Json };
}

/** Fields that were left empty are not sent. */
function filled(fields: Readonly<Record<string, unknown>>): { [key: string]: Json } {
  const body: { [key: string]: Json } = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null && value !== '') body[name] = value as Json;
  }
  return body;
}

/** `POST /api/crm/leads`: a name, a number or an address is needed. */
export function createLead(fields: Readonly<Record<string, unknown>>): Asked {
  const body = filled(fields);
  if (!('name' in body) && !('phone' in body) && !('email' in body)) {
    throw new Error('A lead needs a name, a phone number or an e-mail address.');
  }
  return { method: 'POST', path: '/api/crm/leads', body };
}

/** `POST /api/crm/tasks`. A time without a zone is in n8n's own. */
export function createTask(title: string, fields: Readonly<Record<string, unknown>>): Asked {
  if (title.trim() === '') throw new Error('A task needs a title.');
  const body = filled(fields);
  for (const name of ['due_at', 'remind_at']) {
    if (name in body) body[name] = instant(name, String(body[name]));
  }
  return { method: 'POST', path: '/api/crm/tasks', body: { ...body, title } };
}

/** A time as the API takes it. */
function instant(name: string, text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new Error(`${name} must be a time such as 2026-12-01T09:00:00Z.`);
  return time.toISOString();
}

/** `GET /api/conversations`: the newest WhatsApp conversation of a lead. */
export function findConversation(leadId: string): Asked {
  if (!/^lead_[0-9a-f]{32}$/.test(leadId)) throw new Error('This is not the id of a lead, such as lead_0197e4c2a0007000800000000000a0b1.');
  return { method: 'GET', path: `/api/conversations?channel=whatsapp&limit=1&lead_id=${leadId}` };
}

/** `POST /api/conversations/{id}/messages`. */
export function sendMessage(conversationId: string, text: string): Asked {
  if (!/^conv_[0-9a-f]{32}$/.test(conversationId)) throw new Error('This is not the id of a conversation.');
  if (text.trim() === '') throw new Error('A message needs words.');
  return { method: 'POST', path: `/api/conversations/${conversationId}/messages`, body: { text } };
}
