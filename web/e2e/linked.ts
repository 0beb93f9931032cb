import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import type { World } from './world';
import { type Ask, type Env, OWNER, asker, freePort, fromFolder, operator, serverProgram, serves, signInCookie, until } from './world';

const SIDECAR = resolve(import.meta.dirname, '../../baileys');
/** A version of WhatsApp Web, so that nobody has to be asked for one. */
const WEB_VERSION = '2.3000.1043857760';

/** What really went over WhatsApp's wire, as the local WhatsApp has it. */
export interface Entry {
  kind: string;
  customer: string | null;
  text: string | null;
}

/** An installation with the sidecar as it is shipped, beside a local WhatsApp that it links to. */
export interface Linked {
  /** For `signedIn`: the same browser, another server. */
  world: World;
  ask: Ask;
  /** The business's number, as WhatsApp writes it. */
  account: string;
  /** Has the local WhatsApp do something, such as `scan` or `write`. */
  act: (what: string, body: Record<string, string>) => Promise<void>;
  /** Waits for something that went over the wire. */
  seen: (what: string, is: (entry: Entry) => boolean) => Promise<Entry>;
  stop: () => Promise<void>;
}

/** Starts a program and waits for what it says first; what it says later is read and dropped. */
async function started<T>(what: string, program: ChildProcess, read: (line: string) => T | undefined): Promise<T> {
  let found: T | undefined;
  if (!program.stdout) throw new Error(`${what} cannot be heard`);
  createInterface({ input: program.stdout }).on('line', (line) => (found ??= read(line)));
  return until(what, () => {
    if (found === undefined && program.exitCode !== null) throw new Error(`${what} ended with ${program.exitCode}`);
    return found;
  });
}

function told(line: string): Record<string, unknown> {
  return line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : {};
}

function built(file: string): string {
  const path = join(SIDECAR, file);
  if (!existsSync(path)) throw new Error(`${path} is not there: \`npm ci\`, \`npx tsc\` and \`npm run build\` in ${SIDECAR} make it`);
  return path;
}

/** Starts all of it, with one business whose owner is the tests' own. */
export async function startLinked(world: World): Promise<Linked> {
  const data = mkdtempSync(join(tmpdir(), 'prosaas-linked-'));
  const origin = `http://127.0.0.1:${await freePort()}`;
  const running: ChildProcess[] = [];
  const run = (program: string, args: string[], env: Env) => {
    const child = spawn(program, args, { env, cwd: data, stdio: ['pipe', 'pipe', 'ignore'] });
    running.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of running.reverse()) {
      const ended = new Promise((done) => (child.exitCode === null ? child.once('exit', done) : done(null)));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const base: Env = { PATH: process.env['PATH'] ?? '', HOME: data, TZ: 'Asia/Jerusalem' };
    const secret = randomBytes(32).toString('hex');
    const peer = await started('the local WhatsApp', run('node', [built('target/all/test/peer/main.js')], base), (line) => {
      const { control_url: control, whatsapp_url: url, root_key: key } = told(line) as Record<string, string | undefined>;
      return control && url && key ? { control, url, key } : undefined;
    });
    const sidecarEnv = {
      ...base, INTERNAL_SECRET: secret, FLASK_BASE_URL: origin, BAILEYS_PORT: '0', BAILEYS_DATA_DIR: join(data, 'store'), BAILEYS_STORE_KEY: randomBytes(32).toString('hex'),
      WA_WEB_SOCKET_URL: peer.url, WA_VERSION: WEB_VERSION, WA_PACE: 'none', WA_TEST_ROOT_KEY: peer.key,
    };
    const sidecar = run('node', ['--import', built('target/all/test/peer/trust.js'), built('dist/main.js')], sidecarEnv);
    const port = await started('the sidecar', sidecar, (line) => (told(line)['what'] === 'listening' ? String(told(line)['port']) : undefined));

    const program = serverProgram();
    const models: Record<string, string> = {};
    await started('the fake model', run(program, ['fake', 'model'], base), (line) => {
      const [name, url] = line.split('=');
      if (name && url) models[name] = url;
      return models['OPENAI_BASE_URL'];
    });
    const serverEnv = {
      ...base, ...models, OPENAI_API_KEY: 'sk-of-the-tests', PUBLIC_BASE_URL: origin, PORT: new URL(origin).port, PROSAAS_ENV: 'development', VALIDATE_TWILIO_SIGNATURE: 'false',
      DATABASE_URL: `sqlite:${join(data, 'linked.db')}`, DATA_DIR: data, INTERNAL_SECRET: secret, BAILEYS_BASE_URL: `http://127.0.0.1:${port}`,
      PROSAAS_MASTER_KEY: `1:${randomBytes(32).toString('base64')}`,
    };
    const server = run(program, ['serve'], serverEnv);
    server.stdout?.resume();
    await serves(server, origin);
    const office = operator(program, serverEnv);
    const account = '97231234567';
    await office.choosePassword(office.addMember(office.addBusiness('דקל חשמל', `+${account}`), OWNER.email, OWNER.name, 'owner'), OWNER.email);
    const front = await fromFolder(origin);

    const act = async (what: string, body: Record<string, string>) => {
      const answer = await fetch(`${peer.control}/${what}`, { method: 'POST', body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`the local WhatsApp does not ${what}: ${await answer.text()}`);
    };
    const seen = (what: string, is: (entry: Entry) => boolean) =>
      until(what, async () => ((await (await fetch(`${peer.control}/ledger`)).json()) as { entries: Entry[] }).entries.find(is));
    const ask = asker(origin, await signInCookie(origin, OWNER));
    return {
      world: { ...world, origin: front?.origin ?? origin }, ask, account, act, seen,
      stop: async () => {
        await front?.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
