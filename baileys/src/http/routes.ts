// The routes of PROTOCOL.md.

import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { cap } from '../backend.js';
import type { Metrics } from '../metrics.js';
import { Problem } from '../problem.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { LinkMethod } from '../session/machine.js';
import type { AuthStore, Outbound, Policy } from '../store/types.js';
import { openMedia } from '../whatsapp/connection.js';
import { MEDIA_LIMIT } from '../whatsapp/message.js';
import { digits, parseOutgoing } from '../whatsapp/outgoing.js';
import { bool, integer, object, oneOf, optionalText, parseBody, text, type Json, type JsonObject } from './parse.js';

export interface Request {
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export type Reply =
  | { readonly status: number; readonly json: object | null }
  | { readonly status: number; readonly text: string }
  | { readonly status: number; readonly type: string; readonly stream: (to: Writable) => Promise<void> };

export interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Needs no signature. */
  readonly open?: true;
  readonly act: (request: Request) => Promise<Reply>;
}

export interface RouteDeps {
  readonly registry: Registry;
  readonly store: AuthStore;
  readonly metrics: Metrics;
  readonly backendIsUp: () => boolean;
  readonly isStopping: () => boolean;
}

const BUSINESS = /^[A-Za-z0-9_-]{1,64}$/;
const MESSAGE_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const WA_ID = /^[A-Za-z0-9_.:=-]{1,128}$/;
const CHAT = /^[0-9]{5,20}(-[0-9]{1,20})?@(s\.whatsapp\.net|lid|g\.us)$/;
const MAX_LEASE_MS = 24 * 3_600_000;

export function makeRoutes(deps: RouteDeps): readonly Route[] {
  const { registry } = deps;
  const session = (request: Request) => registry.get(business(request));
  const shown = async (status: number, found: Session): Promise<Reply> => ({ status, json: await found.view() });
  const route = (method: string, path: string, act: Route['act']): Route => ({
    method,
    path: new RegExp(`^/v1/sessions${path.replaceAll('*', '([^/]+)')}$`),
    act: (request) => {
      if (deps.isStopping()) throw new Problem('unavailable', 'The sidecar stops.', 5_000);
      return act(request);
    },
  });
  return [
    ...openRoutes(deps),
    route('GET', '', async () => ({ status: 200, json: { sessions: await Promise.all(registry.all().map((found) => found.view())) } })),
    route('GET', '/*', (request) => shown(200, session(request))),
    route('PUT', '/*', async (request) => {
      const body = parseBody(request.body);
      const epoch = integer(body['owner_epoch'], 'owner_epoch', 1, Number.MAX_SAFE_INTEGER);
      return shown(200, await registry.own(business(request), epoch, policy(body['policy']), lease(body['lease_ms'])));
    }),
    route('GET', '/*/qr', async (request) => ({ status: 200, json: session(request).codeView() })),
    route('POST', '/*/link', (request) => {
      const found = session(request);
      found.link(linkMethod(parseBody(request.body)));
      return shown(202, found);
    }),
    route('POST', '/*/unlink', async (request) => {
      const found = session(request);
      await found.unlink();
      return shown(200, found);
    }),
    route('POST', '/*/resume', (request) => {
      const found = session(request);
      found.resume();
      return shown(202, found);
    }),
    route('POST', '/*/release', async (request) => {
      const found = session(request);
      const epoch = integer(parseBody(request.body)['owner_epoch'], 'owner_epoch', 1, Number.MAX_SAFE_INTEGER);
      if (epoch !== found.store.epoch) throw new Problem('fenced', `This session belongs to epoch ${found.store.epoch}.`);
      await found.release();
      return shown(200, found);
    }),
    route('POST', '/*/messages', (request) => postMessage(session(request), parseBody(request.body))),
    route('GET', '/*/messages/*', async (request) => {
      const outbound = await session(request).store.outboundById(request.parameters[1] ?? '');
      if (!outbound) throw new Problem('not_found', 'There is no message with this id.');
      return { status: 200, json: messageView(outbound) };
    }),
    route('POST', '/*/typing', async (request) => {
      const body = parseBody(request.body);
      await session(request).typing(chatOf(body), oneOf(body['state'], 'state', ['composing', 'recording', 'paused']));
      return { status: 204, json: null };
    }),
    route('POST', '/*/read', async (request) => {
      const body = parseBody(request.body);
      await session(request).read(chatOf(body), waIds(body['wa_ids']));
      return { status: 204, json: null };
    }),
    route('GET', '/*/media/*', (request) => getMedia(session(request), request.parameters[1] ?? '')),
  ];
}

function openRoutes(deps: RouteDeps): readonly Route[] {
  const { registry, metrics } = deps;
  return [
    { method: 'GET', path: /^\/health$/, open: true, act: async () => ({ status: 200, json: { status: 'ok' } }) },
    {
      method: 'GET',
      path: /^\/ready$/,
      open: true,
      act: async () => {
        const store = await deps.store.probe().then(
          () => true,
          () => false,
        );
        const backend = deps.backendIsUp();
        return { status: store && backend && !deps.isStopping() ? 200 : 503, json: { store, backend, sessions: registry.all().length } };
      },
    },
    {
      method: 'GET',
      path: /^\/metrics$/,
      open: true,
      act: async () => {
        const states = new Map<string, number>();
        let undelivered = 0;
        let queued = 0;
        for (const session of registry.all()) {
          states.set(session.state.state, (states.get(session.state.state) ?? 0) + 1);
          undelivered += await session.store.undelivered();
          queued += await session.store.queued();
        }
        return { status: 200, text: metrics.render({ states, undelivered, queued, rss: process.memoryUsage.rss() }) };
      },
    },
  ];
}

async function postMessage(session: Session, body: JsonObject): Promise<Reply> {
  const messageId = matching(body['message_id'], 'message_id', MESSAGE_ID);
  const content = parseOutgoing(body['content'] ?? null);
  const { outbound, isNew } = await session.submit({
    messageId,
    chat: chatOf(body),
    firstContact: bool(body['first_contact'] ?? false, 'first_contact'),
    quoted: optionalText(body['quoted'], 'quoted', 128),
    content: JSON.stringify(body['content']),
  });
  void content;
  return { status: isNew ? 202 : 200, json: messageView(outbound) };
}

async function getMedia(session: Session, waId: string): Promise<Reply> {
  const original = await session.store.original(waId);
  if (!original) throw new Problem('not_found', 'There is no such message, or it is older than 14 days.');
  const { stream, mime } = await openMedia(original);
  const tooMuch = () => new Problem('too_large', 'The file is larger than WhatsApp said.');
  return { status: 200, type: mime, stream: (to) => pipeline(stream, cap(MEDIA_LIMIT - 1, tooMuch), to) };
}

function messageView({ messageId, waId, status, error }: Outbound): object {
  return { message_id: messageId, wa_id: waId, status, error };
}

function business(request: Request): string {
  const [name] = request.parameters;
  if (name === undefined || !BUSINESS.test(name)) throw new Problem('invalid', 'the business in the path must be 1 to 64 of A-Z a-z 0-9 _ -');
  return name;
}

function policy(value: Json | undefined): Partial<Policy> {
  if (value === undefined || value === null) return {};
  const given = object(value, 'policy');
  return {
    ...(given['strangers'] === undefined ? {} : { strangers: oneOf(given['strangers'], 'policy.strangers', ['never', 'asked']) }),
    ...(given['groups'] === undefined ? {} : { groups: bool(given['groups'], 'policy.groups') }),
  };
}

function lease(value: Json | undefined): number | null {
  return value === undefined || value === null ? null : integer(value, 'lease_ms', 1_000, MAX_LEASE_MS);
}

function linkMethod(body: JsonObject): LinkMethod {
  const kind = oneOf(body['method'], 'method', ['qr', 'pairing_code']);
  return kind === 'qr' ? { kind } : { kind, phone: digits(body['phone'], 'phone') };
}

function chatOf(body: JsonObject): string {
  return matching(body['chat'], 'chat', CHAT);
}

function matching(value: Json | undefined, field: string, pattern: RegExp): string {
  const found = text(value, field, 256);
  if (!pattern.test(found)) throw new Problem('invalid', `${field} is not well formed`);
  return found;
}

function waIds(value: Json | undefined): string[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 100) throw new Problem('invalid', 'wa_ids must be a list of 1 to 100 ids');
  return (value as readonly Json[]).map((id) => matching(id, 'wa_ids', WA_ID));
}
