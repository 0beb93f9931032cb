// The peer as a program, for those who are not written in JavaScript: prints one line of JSON when it listens.
// Its control surface is HTTP with JSON on loopback; `test/peer/README.md` lists the routes.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { proto } from '@whiskeysockets/baileys';

import { Peer, type Behaviour, type CloseHow } from './peer.js';

// libsignal prints sessions.
for (const level of ['log', 'info', 'warn', 'error'] as const) console[level] = () => undefined;

type Body = Record<string, unknown>;
type Act = (body: Body, query: URLSearchParams) => Promise<object> | object;

const peer = new Peer();
await peer.listen();

const text = (body: Body, field: string): string => {
  const value = body[field];
  if (typeof value !== 'string') throw new Error(`${field} must be a text`);
  return value;
};

const optional = (body: Body, field: string): string | undefined => (body[field] === undefined ? undefined : text(body, field));

const routes: Record<string, Act> = {
  'GET /state': () => ({
    whatsapp_url: peer.url,
    root_key: peer.rootKey,
    accounts: peer.accounts.map(({ phone, lid, device, waiting }) => ({ phone, lid, device, online: peer.isOnline(phone), waiting: waiting.size })),
  }),
  'GET /ledger': (_body, query) => ledger(Number(query.get('after') ?? 0), Number(query.get('wait_ms') ?? 0)),
  'POST /scan': (body) => {
    const { phone, lid, device } = peer.scan(text(body, 'qr'), text(body, 'phone'), typeof body['name'] === 'string' ? body['name'] : undefined);
    return { phone, lid, device };
  },
  'POST /type-code': async (body) => {
    const { phone, lid } = await peer.typeCode(text(body, 'code'), text(body, 'phone'), typeof body['name'] === 'string' ? body['name'] : undefined);
    return { phone, lid };
  },
  'POST /write': async (body) => {
    const customer = text(body, 'customer');
    if (typeof body['name'] === 'string') peer.customer(customer, body['name']);
    const message = (body['message'] ?? { conversation: text(body, 'text') }) as proto.IMessage;
    const id = await peer.write(customer, text(body, 'account'), message, optional(body, 'id'), optional(body, 't'));
    return { id, lid: peer.customer(customer).lidJid };
  },
  'POST /read': (body) => {
    peer.markRead(text(body, 'customer'), text(body, 'account'), text(body, 'id'));
    return {};
  },
  'POST /receipt': (body) => {
    peer.receipt(text(body, 'customer'), text(body, 'account'), text(body, 'id'), body['type'] === 'read' ? 'read' : null, optional(body, 't'));
    return {};
  },
  'POST /close': (body) => {
    peer.close(text(body, 'account'), body['how'] as CloseHow);
    return {};
  },
  'POST /network': async (body) => {
    if (body['up'] === true) await peer.networkUp();
    else await peer.networkDown();
    return {};
  },
  'POST /passkey': () => {
    peer.askForPasskey();
    return {};
  },
  'POST /behaviour': (body) => Object.assign(peer.behaviour, body as Partial<Behaviour>),
};

async function ledger(after: number, waitMs: number): Promise<object> {
  if (waitMs > 0) await peer.ledger.until((entries) => entries.length > after, 'anything', waitMs).catch(() => undefined);
  return { entries: peer.ledger.after(after) };
}

async function handle(request: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const url = new URL(request.url ?? '/', 'http://peer');
  const act = routes[`${request.method ?? 'GET'} ${url.pathname}`];
  if (!act) return { status: 404, body: { message: `there is no ${request.method} ${url.pathname}` } };
  try {
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Body) : {};
    return { status: 200, body: await act(body, url.searchParams) };
  } catch (error) {
    return { status: 400, body: { message: error instanceof Error ? error.message : String(error) } };
  }
}

const control = createServer((request, response) => {
  void handle(request).then(({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)));
});
control.listen(Number(process.env['PEER_CONTROL_PORT'] ?? 0), '127.0.0.1', () => {
  const { port } = control.address() as AddressInfo;
  process.stdout.write(JSON.stringify({ whatsapp_url: peer.url, control_url: `http://127.0.0.1:${port}`, root_key: peer.rootKey }) + '\n');
});
// Who started the peer holds its input open: when it dies, the peer goes too.
process.stdin.on('end', () => process.exit(0)).resume();
