// A backend as the sidecar sees it: takes events, in order, once; hands out media; can be away.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHmac } from 'node:crypto';

import { sign, Verifier } from '../../src/signing.js';

export interface TakenEvent {
  readonly event_id: string;
  readonly seq: number;
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface TakenMessage {
  readonly wa_id: string;
  readonly from_me: boolean;
  readonly via: string;
  readonly chat: { readonly id: string; readonly alt: string | null; readonly phone: string | null; readonly kind: string };
  readonly sender: { readonly name: string | null } | null;
  readonly content: { readonly type: string; readonly text?: string; readonly [field: string]: unknown };
}

export class FakeBackend {
  readonly secret: Buffer;
  readonly events: TakenEvent[] = [];
  readonly codes: Record<string, unknown>[] = [];
  readonly media = new Map<string, Buffer>();
  /** Requests whose signature was wrong. */
  refused = 0;
  /** Same `seq` again: at least once is allowed, and counted. */
  repeated = 0;
  readonly #last = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #server: Server | null = null;
  #port = 0;

  constructor(secret: string) {
    this.secret = Buffer.from(secret);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    const verifier = new Verifier(this.secret, Date.now());
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const header = (name: string) => request.headers[`x-prosaas-${name}`] as string | undefined;
        const { method = '', url: path = '' } = request;
        const refused = verifier.check({ method, path, time: header('time'), nonce: header('nonce'), signature: header('signature'), body }, Date.now());
        if (refused !== null) {
          this.refused += 1;
          response.writeHead(401).end();
          return;
        }
        const { status, answer } = this.#answer(path, body);
        response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Goes away; `listen` brings it back on the same port. */
  async leave(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  messages(): TakenMessage[] {
    return this.taken().map(({ message }) => message);
  }

  /** Messages and their updates, in the order of their events. */
  taken(): { readonly kind: string; readonly message: TakenMessage }[] {
    return this.events
      .filter(({ kind }) => kind === 'message' || kind === 'message_update')
      .map((event) => ({ kind: event.kind, message: event['message'] as TakenMessage }));
  }

  /** Resolves with what `find` finds, now or later. */
  until<T>(find: () => T | undefined | null | false, what: string, timeoutMs = 15_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined || found === null || found === false) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the backend did not see ${what} within ${timeoutMs} ms; states: ${JSON.stringify(this.states())}`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  states(business?: string): { readonly state: string; readonly reason: string | null; readonly retry_at: number | null; readonly since_at: number }[] {
    return this.events
      .filter(({ kind }) => kind === 'state')
      .map((event) => event['state'] as { session: string; state: string; reason: string | null; retry_at: number | null; since_at: number })
      .filter(({ session }) => business === undefined || session === business);
  }

  untilState(business: string, state: string, timeoutMs?: number): Promise<{ readonly state: string; readonly reason: string | null; readonly retry_at: number | null; readonly since_at: number }> {
    return this.until(() => (this.states(business).at(-1)?.state === state ? this.states(business).at(-1) : null), `state ${state} of ${business}`, timeoutMs);
  }

  receipts(messageId: string): string[] {
    return this.events
      .filter(({ kind }) => kind === 'receipt')
      .map((event) => event['receipt'] as { message_id: string; status: string })
      .filter(({ message_id }) => message_id === messageId)
      .map(({ status }) => status);
  }

  #answer(path: string, body: Buffer): { readonly status: number; readonly answer: string | Buffer } {
    if (path === '/internal/wa/ping') return { status: 204, answer: '' };
    if (path === '/internal/wa/qr') {
      this.codes.push(JSON.parse(body.toString()) as Record<string, unknown>);
      this.#wake();
      return { status: 204, answer: '' };
    }
    if (path === '/internal/wa/events') {
      const { session, events } = JSON.parse(body.toString()) as { session: string; events: TakenEvent[] };
      let last = this.#last.get(session) ?? 0;
      for (const event of events) {
        if (event.seq <= last) {
          this.repeated += 1;
          continue;
        }
        if (event.seq !== last + 1) throw new Error(`event ${event.seq} after ${last}`);
        last = event.seq;
        this.events.push(event);
      }
      this.#last.set(session, last);
      this.#wake();
      return { status: 200, answer: JSON.stringify({ acked: last }) };
    }
    const media = this.media.get(path);
    return media ? { status: 200, answer: media } : { status: 404, answer: '{"code":"not_found","message":"no"}' };
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** The signature of somebody with another secret. */
export function wrongSignature(): string {
  return createHmac('sha256', 'somebody else').update('x').digest('hex');
}

export { sign };
