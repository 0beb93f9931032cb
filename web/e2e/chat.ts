import type { BrowserContext, Route } from 'playwright-core';

/** Answers in the server's stead what it cannot answer without WhatsApp: its link, and what people wrote. */
export interface StandIn {
  /** Where the link stands; what the page asks next it hears. */
  link: Link;
  conversations: Chat[];
  /** The number at Meta, and Meta's code of an error where it does not take it. */
  cloud: Cloud;
  /** What the page asked for, as `METHOD path`, with the body. */
  asked: { what: string; body: unknown }[];
}

export interface Link {
  state: string;
  qr?: string;
  pairing_code?: string;
  seq?: number;
  seconds_left?: number;
  attempts_left?: number;
  needs_templates?: boolean;
  number?: string;
  linked_at?: string;
}

export interface Cloud {
  phone_number_id: string | null;
  account_id: string | null;
  has_token: boolean;
  is_on: boolean;
  last_webhook_at: string | null;
  refuses?: number;
}

export const NO_NUMBER: Cloud = { phone_number_id: null, account_id: null, has_token: false, is_on: false, last_webhook_at: null };

interface Chat {
  id: string;
  lead_id: string | null;
  peer: string;
  peer_name: string | null;
  status: string;
  assignee_id: string | null;
  agent_paused: boolean;
  paused_reason: string | null;
  unread: number;
  version: number;
  messages: Line[];
}

interface Line {
  id: string;
  direction: 'inbound' | 'outbound';
  kind: string;
  body: string;
  status: string;
  actor_kind: string;
  actor_id?: string | null;
  at: string;
  media?: object;
  external_id?: string;
  quoted_external_id?: string;
  failure?: { code: string; detail: string };
  edited_at?: string;
  revoked_at?: string;
}

const MINUTE_MS = 60_000;

function ago(minutes: number): string {
  return new Date(Date.now() - minutes * MINUTE_MS).toISOString();
}

let lines = 0;
function line(minutes: number, body: string, about: Partial<Line> = {}): Line {
  lines += 1;
  return { id: `msg_${lines}`, external_id: `X${lines}`, direction: 'inbound', kind: 'text', body, status: 'received', actor_kind: 'contact', at: ago(minutes), ...about };
}

function ours(minutes: number, body: string, status: string, by = 'agent', about: Partial<Line> = {}): Line {
  return line(minutes, body, { direction: 'outbound', status, actor_kind: by, ...about });
}

function chats(lead: string | null, member: string | null): Chat[] {
  const first = line(1_500, 'שלום, יש לי נזילה מתחת לכיור. אפשר שמישהו יגיע היום?');
  const photo = line(64, 'ככה זה נראה', { kind: 'image', media: { kind: 'image', state: 'waiting', bytes: 284_000 } });
  const chat = (id: string, about: Partial<Chat>): Chat => ({
    id, lead_id: null, peer: '', peer_name: null, status: 'open', assignee_id: null, agent_paused: false, paused_reason: null, unread: 0, version: 3, messages: [], ...about,
  });
  return [
    chat('conv_moshe', {
      lead_id: lead, peer: '972501234567@s.whatsapp.net', peer_name: 'משה כהן', unread: 2, agent_paused: true, paused_reason: 'asked', assignee_id: member,
      messages: [
        first,
        ours(1_499, 'שלום, כאן העוזר של לוי אינסטלציה. אפשר לשלוח תמונה וכתובת?', 'read'),
        photo,
        line(63, 'הרצל 12, חיפה. קומה 3, יש interphone'),
        line(62, '', { kind: 'document', media: { kind: 'document', state: 'stored', media_type: 'application/pdf', file_name: 'הצעת מחיר ישנה.pdf', bytes: 1_480_000, inline: false, url: '/api/messages/msg_offer/file' } }),
        ours(61, 'תודה! ביקור ואבחון עולים 350 ₪. מתאים היום בין 16:00 ל־18:00?', 'read', 'agent', { quoted_external_id: first.external_id! }),
        line(60, '🙏', { kind: 'reaction', media: { to: `X${lines}` } }),
        line(31, 'אפשר לדבר עם בן אדם?'),
        ours(20, 'היי משה, כאן דנה. אבי יגיע ב־16:30', 'delivered', 'user', { actor_id: member }),
        ours(19, 'הוא יתקשר לפני', 'failed', 'user', { actor_id: member, failure: { code: 'unavailable', detail: '' } }),
        line(4, 'מעולה', {}),
        line(3, '', { kind: 'location', media: { latitude: 32.819, longitude: 34.998 } }),
      ],
    }),
    chat('conv_ruth', {
      peer: '12025550142@s.whatsapp.net', peer_name: 'Ruth Bar-On', status: 'waiting',
      messages: [line(200, 'Hi, do you also install solar boilers?'), ours(199, 'Yes. A 150 litre boiler with installation is about ₪4,500. May I ask where you live?', 'read')],
    }),
    chat('conv_lid', { peer: '123456789012345@lid', unread: 1, messages: [line(1_700, 'כמה עולה ביקור?')] }),
    chat('conv_old', { peer: '972521112233@s.whatsapp.net', status: 'closed', messages: [line(9_000, 'תודה רבה!', { revoked_at: ago(8_999) })] }),
  ];
}

function shown(chat: Chat) {
  const { messages, ...rest } = chat;
  const last = messages.at(-1)?.at ?? ago(0);
  const inbound = messages.filter(({ direction }) => direction === 'inbound').at(-1)?.at ?? null;
  return { ...rest, channel: 'whatsapp', last_message_at: last, last_inbound_at: inbound, created_at: messages[0]?.at ?? last, updated_at: last };
}

/** Puts the stand-in before the server, for this browser. */
export async function standIn(context: BrowserContext, who: { lead?: string | null; member?: string | null } = {}): Promise<StandIn> {
  const stand: StandIn = { link: { state: 'ready', number: '+97231234567', linked_at: ago(5_000) }, conversations: chats(who.lead ?? null, who.member ?? null), cloud: NO_NUMBER, asked: [] };
  await context.route(/\/api\/(wa\/(status|qr|link|unlink|cloud)|business\/secrets\/whatsapp_cloud_token|conversations|messages)/, (route) => answer(stand, route));
  return stand;
}

async function answer(stand: StandIn, route: Route): Promise<void> {
  const request = route.request();
  const { pathname, searchParams } = new URL(request.url());
  const method = request.method();
  const body = (request.postDataJSON() ?? null) as Record<string, unknown> | null;
  stand.asked.push({ what: `${method} ${pathname}`, body });
  const json = (value: unknown, status = 200) => route.fulfill({ status, contentType: status < 400 ? 'application/json' : 'application/problem+json', body: JSON.stringify(value) });
  if (stand.link.state === 'not-configured' && (pathname.startsWith('/api/wa/') || (method === 'POST' && pathname.endsWith('/messages')))) {
    return json({ type: 'about:blank', title: '', status: 503, code: 'whatsapp-not-configured' }, 503);
  }
  if (pathname.startsWith('/api/business/') || pathname.startsWith('/api/wa/cloud')) return answerCloud(stand, `${method} ${pathname}`, body, json, route);
  if (pathname.startsWith('/api/wa/')) return answerLink(stand, pathname.slice('/api/wa/'.length), body, json, route);
  const [, id, sub] = /^\/api\/conversations(?:\/([\w-]+))?(?:\/(\w+))?$/.exec(pathname) ?? [];
  const chat = stand.conversations.find((one) => one.id === id);
  if (pathname.startsWith('/api/messages/') || (id !== undefined && id !== 'search' && !chat)) return json({ type: 'about:blank', title: '', status: 404, code: 'not-found' }, 404);
  if (!chat) return json({ data: listed(stand, searchParams).map(shown), page: { has_more: false } });
  if (sub === 'messages' && method === 'GET') {
    return json({ data: [...chat.messages].reverse().map((message) => ({ conversation_id: chat.id, version: 1, ...message })), page: { has_more: false } });
  }
  if (sub === 'messages') {
    const sent = ours(0, String(body?.['text']), 'queued', 'user');
    chat.messages.push(sent);
    Object.assign(chat, { agent_paused: true, paused_reason: 'person', unread: 0, version: chat.version + 1, status: 'waiting' });
    return json({ conversation_id: chat.id, version: 1, ...sent }, 201);
  }
  if (sub === 'read') Object.assign(chat, { unread: 0, version: chat.version + 1 });
  if (method === 'PATCH') change(chat, body ?? {});
  return json(shown(chat));
}

function listed(stand: StandIn, search: URLSearchParams): Chat[] {
  const wants = (name: string) => search.get(name);
  return stand.conversations.filter(
    (chat) =>
      (wants('unread') !== 'true' || chat.unread > 0) &&
      (wants('agent') !== 'false' || chat.agent_paused) &&
      (wants('status') === null || chat.status === wants('status')) &&
      (wants('lead_id') === null || chat.lead_id === wants('lead_id')) &&
      (wants('q') === null || chat.messages.some(({ body }) => body.includes(wants('q') ?? ''))),
  );
}

function change(chat: Chat, body: Record<string, unknown>): void {
  Object.assign(chat, body, { version: chat.version + 1 });
  if ('agent_paused' in body) chat.paused_reason = body['agent_paused'] ? 'switched' : null;
}

/** The number at Meta: switched off by whoever enters it, and on once Meta takes it. */
function answerCloud(stand: StandIn, what: string, body: Record<string, unknown> | null, json: (value: unknown, status?: number) => Promise<void>, route: Route): Promise<void> {
  const { cloud } = stand;
  switch (what) {
    case 'PUT /api/business/secrets/whatsapp_cloud_token':
      stand.cloud = { ...cloud, has_token: true };
      return route.fulfill({ status: 204 });
    case 'DELETE /api/wa/cloud':
      stand.cloud = NO_NUMBER;
      return route.fulfill({ status: 204 });
    case 'PUT /api/wa/cloud':
      stand.cloud = { ...cloud, phone_number_id: String(body?.['phone_number_id']), account_id: String(body?.['account_id']), is_on: false, last_webhook_at: null };
      break;
    case 'POST /api/wa/cloud/connect':
      if (cloud.refuses !== undefined) return json({ type: 'about:blank', title: '', status: 409, code: 'cloud-refused', detail: `Meta says no (code ${cloud.refuses})` }, 409);
      stand.cloud = { ...cloud, is_on: true };
      break;
  }
  return json({ ...stand.cloud, refuses: undefined });
}

function answerLink(stand: StandIn, what: string, body: Record<string, unknown> | null, json: (value: unknown) => Promise<void>, route: Route): Promise<void> {
  if (what === 'unlink') {
    stand.link = { state: 'unlinked' };
    return route.fulfill({ status: 204 });
  }
  if (what === 'link') {
    stand.link = body?.['method'] === 'qr' ? { state: 'qr', qr: '2@first,code,of,this,attempt=='.padEnd(230, 'x'), seq: 1, seconds_left: 60, attempts_left: 5 } : { state: 'pairing_code', pairing_code: 'WXYZ1234' };
  }
  const { link, cloud } = stand;
  if (what === 'status') {
    const about = cloud.phone_number_id === null ? { way: 'phone', cloud: null } : { way: 'cloud', cloud: { phone_number_id: cloud.phone_number_id, is_on: cloud.is_on, last_webhook_at: cloud.last_webhook_at } };
    return json({ ...about, state: link.state, state_at: ago(1), ready: link.state === 'ready', number: link.number ?? null, linked_at: link.linked_at ?? null, until: null, links_by_qr: true, links_by_pairing_code: true, needs_templates: link.needs_templates ?? false });
  }
  return json({ state: link.state, qr: link.qr ?? null, svg: null, pairing_code: link.pairing_code ?? null, seq: link.seq ?? null, expires_at: null, seconds_left: link.seconds_left ?? null, attempts_left: link.attempts_left ?? null });
}
