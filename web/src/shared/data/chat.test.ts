import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import type { Conversation, changeConversation as change } from './chat';

const seen: Conversation = {
  id: 'conv_1',
  lead_id: null,
  channel: 'whatsapp',
  peer: '888000222@lid',
  peer_name: 'Dana',
  status: 'open',
  assignee_id: null,
  agent_paused: false,
  paused_reason: null,
  close_reason: null,
  unread: 1,
  last_message_at: '2026-11-29T08:00:00.000Z',
  last_inbound_at: '2026-11-29T08:00:00.000Z',
  created_at: '2026-11-29T08:00:00.000Z',
  updated_at: '2026-11-29T08:00:00.000Z',
  version: 3,
};

/** What the server has: it takes a change for its own version alone. */
let stored: Conversation;
/** The versions that changes were meant for. */
let patched: (string | null)[];

let changeConversation: typeof change;

beforeAll(async () => {
  // Relative addresses need a page that they are relative to; the client takes this class when it is made.
  vi.stubGlobal(
    'Request',
    class extends Request {
      constructor(input: string | URL | Request, init?: RequestInit) {
        super(typeof input === 'string' ? new URL(input, 'http://console.test') : input, init);
      }
    },
  );
  ({ changeConversation } = await import('./chat'));
});

beforeEach(() => {
  stored = { ...seen };
  patched = [];
  vi.stubGlobal('document', { documentElement: { lang: 'en' } });
  vi.stubGlobal('fetch', (request: Request) => Promise.resolve(answer(request)));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function answer(request: Request): Response {
  if (request.method === 'GET') return Response.json(stored);
  const at = request.headers.get('if-match');
  patched.push(at);
  if (at !== `"${stored.version}"`) return Response.json({ code: 'version-conflict', status: 409, title: '', type: 'about:blank' }, { status: 409 });
  stored = { ...stored, version: stored.version + 1 };
  return Response.json(stored);
}

it('closes what is as it was seen', async () => {
  await expect(changeConversation(seen, { status: 'closed' })).resolves.toMatchObject({ version: 4 });
  expect(patched).toEqual(['"3"']);
});

it('never closes over a message that came in, and says so', async () => {
  const later = [
    { last_inbound_at: '2026-11-29T08:01:00.000Z', unread: 2 },
    // Somebody else has read it already.
    { last_inbound_at: '2026-11-29T08:01:00.000Z', unread: 0 },
    // It came late, and is older than what was seen.
    { unread: 2 },
  ];
  for (const news of later) {
    patched = [];
    stored = { ...seen, ...news, version: 4 };
    await expect(changeConversation(seen, { status: 'closed', close_reason: 'solved' })).rejects.toMatchObject({ code: 'message-arrived' });
    expect(patched, 'it is not tried again').toEqual(['"3"']);
    expect(stored.version).toBe(4);
  }
});

it('does not close over what somebody else did either', async () => {
  stored = { ...seen, unread: 0, status: 'waiting', version: 5 };
  await expect(changeConversation(seen, { status: 'closed' })).rejects.toMatchObject({ code: 'version-conflict' });
  expect(patched).toEqual(['"3"']);
});

it('asks once more for what no message is about', async () => {
  stored = { ...seen, unread: 2, version: 4 };
  await expect(changeConversation(seen, { agent_paused: true })).resolves.toMatchObject({ version: 5 });
  await expect(changeConversation(seen, { status: 'open' })).resolves.toMatchObject({ version: 6 });
  expect(patched).toEqual(['"3"', '"4"', '"3"', '"5"']);
});
