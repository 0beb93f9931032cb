// The sidecar as its own process, with the peer's root trusted from outside, and a signing client for it.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { sign } from '../../src/signing.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const TRUST = fileURLToPath(new URL('../peer/trust.js', import.meta.url));

export const SECRET = 'a-secret-of-tests-with-32-bytes!!';

export interface Reply {
  readonly status: number;
  // The tests read whatever the route answers.
  readonly body: Record<string, never> & Record<string, unknown>;
}

export class SidecarProcess {
  readonly folder: string;
  readonly lines: string[] = [];
  readonly #env: Record<string, string>;
  #child: ChildProcess | null = null;
  #port = 0;

  constructor(options: { readonly backend: string; readonly whatsapp: string; readonly rootKey: string; readonly env?: Record<string, string>; readonly folder?: string }) {
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sidecar-'));
    this.#env = {
      INTERNAL_SECRET: SECRET,
      FLASK_BASE_URL: options.backend,
      BAILEYS_PORT: '0',
      BAILEYS_DATA_DIR: this.folder,
      BAILEYS_STORE_KEY: '11'.repeat(32),
      WA_WEB_SOCKET_URL: options.whatsapp,
      WA_VERSION: '2.3000.1043857760',
      WA_PACE: 'none',
      WA_TEST_ROOT_KEY: options.rootKey,
      ...options.env,
    };
  }

  /** Starts the process and waits until it listens. */
  async start(): Promise<void> {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, ['--import', TRUST, MAIN], { cwd: this.folder, env: { PATH, HOME, ...this.#env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (data: Buffer) => process.stderr.write(data));
    this.#port = await new Promise<number>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the sidecar ended with ${code}: ${this.lines.slice(-3).join('\n')}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.lines.push(line);
        const said = JSON.parse(line) as { what: string; port?: number };
        if (said.what === 'listening' && said.port !== undefined) resolve(said.port);
      });
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** SIGKILL: no chance to tidy up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM: an orderly end; returns the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async request(method: string, path: string, body?: object, change: Record<string, string> = {}): Promise<Reply> {
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
    return this.send(method, path, bytes, { ...this.headers(method, path, bytes), ...change });
  }

  headers(method: string, path: string, body: Buffer, time = String(Date.now())): Record<string, string> {
    const nonce = randomBytes(16).toString('hex');
    return { 'x-prosaas-time': time, 'x-prosaas-nonce': nonce, 'x-prosaas-signature': sign(Buffer.from(SECRET), { method, path, time, nonce, body }) };
  }

  async send(method: string, path: string, body: Buffer, headers: Record<string, string>): Promise<Reply> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, { method, headers, ...(body.length > 0 ? { body } : {}) });
    const text = await response.text();
    return { status: response.status, body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Reply['body'] };
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill(signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }
}
