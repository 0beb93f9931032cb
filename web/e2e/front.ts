import { existsSync, readFileSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer, request as ask } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** How a packed double of a file is named, the smallest first. */
const PACKED = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** A console from a folder before a server that has another one in it. */
export interface Front {
  origin: string;
  stop: () => Promise<void>;
}

/**
 * Stands before the server with the console of a folder, packed and cached as the server would send it: everything goes
 * over the same line, so that what a slowed line costs is seen. All else is the server's own answer.
 */
export async function startFront(folder: string, server: string): Promise<Front> {
  const policy = await fetch(server).then(({ headers }) => headers.get('content-security-policy') ?? '');
  const front = createServer((asked, answer) => {
    const file = fileOf(folder, asked);
    if (file) sendFile(file, policy, asked, answer);
    else passOn(server, asked, answer);
  });
  front.on('upgrade', (asked: IncomingMessage, socket, head) => {
    const { hostname, port } = new URL(server);
    const there = connect(Number(port), hostname, () => {
      const lines = Object.entries(headersFor(server, asked)).map(([name, value]) => `${name}: ${String(value)}`);
      there.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      there.write(head);
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('error', () => there.destroy());
  });
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  return { origin: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, stop: () => close(front) };
}

async function close(front: Server): Promise<void> {
  const closed = new Promise((done) => front.close(done));
  front.closeAllConnections();
  await closed;
}

/** The file that an address means; nothing where the server is asked. */
function fileOf(folder: string, { url = '/', headers }: IncomingMessage): string | undefined {
  const { pathname } = new URL(url, 'http://front.test');
  if (/^\/(api|webhook|health|ready|metrics)\b/.test(pathname)) return undefined;
  const file = join(folder, normalize(pathname));
  if (TYPES[extname(file)] !== undefined && existsSync(file)) return file;
  return headers['sec-fetch-mode'] === 'navigate' ? join(folder, 'index.html') : undefined;
}

function sendFile(file: string, policy: string, { headers }: IncomingMessage, answer: ServerResponse) {
  const taken = String(headers['accept-encoding'] ?? '').split(/,\s*/);
  const [encoding, ending] = PACKED.find(([name, end]) => taken.includes(name) && existsSync(file + end)) ?? [undefined, ''];
  answer.setHeader('content-type', TYPES[extname(file)] ?? '');
  answer.setHeader('content-security-policy', policy);
  answer.setHeader('cache-control', file.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (encoding) answer.setHeader('content-encoding', encoding);
  answer.end(readFileSync(file + ending));
}

/** The headers of a request as the server would have got it: its own address, and the page's the same. */
function headersFor(server: string, { headers }: IncomingMessage) {
  const { host } = new URL(server);
  return { ...headers, host, ...(headers.origin === undefined ? {} : { origin: server }) };
}

function passOn(server: string, asked: IncomingMessage, answer: ServerResponse) {
  const there = ask(new URL(asked.url ?? '/', server), { method: asked.method, headers: headersFor(server, asked) }, (came) => {
    answer.writeHead(came.statusCode ?? 502, came.headers);
    came.pipe(answer);
  });
  there.on('error', () => answer.destroy());
  answer.on('close', () => there.destroy());
  asked.pipe(there);
}
