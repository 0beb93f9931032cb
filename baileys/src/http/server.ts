// The HTTP server: reads a request, lets it in by its signature, hands it to its route, and answers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { messageOf, type Log } from '../log.js';
import type { Metrics } from '../metrics.js';
import { Problem } from '../problem.js';
import { NONCE_HEADER, SIGNATURE_HEADER, TIME_HEADER, type Verifier } from '../signing.js';
import { FencedError } from '../store/types.js';
import type { Reply, Route } from './routes.js';

const BODY_LIMIT = 1_000_000;

export interface ServerDeps {
  readonly routes: readonly Route[];
  readonly verifier: Verifier;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now: () => number;
}

export function makeServer(deps: ServerDeps): Server {
  const server = createServer((request, response) => {
    handle(deps, request)
      .catch((error: unknown) => refusal(deps, error))
      .then((reply) => send(deps, reply, response))
      .catch((error: unknown) => {
        deps.log.warn('an answer broke off', { error: messageOf(error) });
        response.destroy();
      });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  return server;
}

async function handle(deps: ServerDeps, request: IncomingMessage): Promise<Reply> {
  const target = request.url ?? '/';
  const method = request.method ?? 'GET';
  const url = new URL(target, 'http://sidecar');
  const found = match(deps.routes, method, url.pathname);
  if (found?.route.open) return found.route.act({ parameters: found.parameters, query: url.searchParams, body: Buffer.alloc(0) });
  const body = await readBody(request);
  letIn(deps, request, method, target, body);
  if (!found) throw new Problem('not_found', `There is no ${method} ${url.pathname}.`);
  return found.route.act({ parameters: found.parameters, query: url.searchParams, body });
}

function match(routes: readonly Route[], method: string, path: string): { readonly route: Route; readonly parameters: readonly string[] } | null {
  for (const route of routes) {
    const hit = route.method === method ? route.path.exec(path) : null;
    if (hit) return { route, parameters: hit.slice(1).map(decodeURIComponent) };
  }
  return null;
}

function letIn(deps: ServerDeps, request: IncomingMessage, method: string, path: string, body: Buffer): void {
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const received = { method, path, time: header(TIME_HEADER), nonce: header(NONCE_HEADER), signature: header(SIGNATURE_HEADER), body };
  const refused = deps.verifier.check(received, deps.now());
  if (refused === null) {
    deps.metrics.count('requests');
    return;
  }
  deps.metrics.count('refused');
  deps.log.warn('a request was refused', { why: refused });
  if (refused === 'full') throw new Problem('unavailable', 'Too many requests in the last two minutes.', 60_000);
  throw new Problem('unauthorized', 'The signature of this request is missing, wrong, too old or used.');
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_LIMIT) throw new Problem('too_large', `A body may have at most ${BODY_LIMIT} bytes; files are fetched by their path.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal(deps: ServerDeps, error: unknown): Reply {
  if (error instanceof Problem) return { status: error.status, json: error.body() };
  if (error instanceof FencedError) return { status: 409, json: new Problem('fenced', error.message).body() };
  if (error instanceof URIError) return { status: 400, json: new Problem('invalid', 'the path is not well encoded').body() };
  deps.log.error('a request failed', { error: messageOf(error) });
  return { status: 500, json: new Problem('internal', 'The sidecar failed; its log says how.').body() };
}

async function send(deps: ServerDeps, reply: Reply, response: ServerResponse): Promise<void> {
  const headers: Record<string, string> = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  if ('stream' in reply) {
    response.writeHead(reply.status, { ...headers, 'content-type': reply.type });
    await reply.stream(response);
    return;
  }
  if ('text' in reply) {
    response.writeHead(reply.status, { ...headers, 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(reply.text);
    return;
  }
  if (reply.json === null) {
    response.writeHead(reply.status, headers).end();
    return;
  }
  const body = Buffer.from(JSON.stringify(reply.json));
  response.writeHead(reply.status, { ...headers, 'content-type': 'application/json', 'content-length': String(body.length) });
  response.end(body);
  void deps;
}
