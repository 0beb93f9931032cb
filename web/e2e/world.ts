import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';

import { type Front, startFront } from './front';

/** The owner whose console the tests use. */
export const OWNER = { email: 'owner@levi.example', name: 'Dana Levi', password: 'correct horse battery staple' };

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const WITHIN_MS = 90_000;

/** Somebody who can sign in. */
export interface Person {
  email: string;
  password: string;
}

export type Ask = <T>(method: string, path: string, body?: unknown, version?: number) => Promise<T>;

/** A running installation, and a browser. */
export interface World {
  origin: string;
  browser: Browser;
  /** Asks the API as the owner. */
  ask: Ask;
  /** Asks the API as somebody else, with a session of his own. */
  askAs: (person: Person) => Promise<Ask>;
  /** Places another call, as the caller with this number; ends when the call has. */
  call: (from: string) => Promise<void>;
  /** Makes a member of the business. */
  addMember: (email: string, name: string, role: string) => void;
  /** Makes a member of the business who can sign in. */
  addColleague: (email: string, name: string, role: string) => Promise<Person>;
  /** Makes another business with an owner of its own. */
  addBusiness: (name: string, phone: string, owner: string) => Promise<Person>;
  /** Makes an administrator of the installation. */
  addAdmin: (email: string) => Promise<Person>;
  /** Another browser, whose microphone hears the caller of the repository's clip, and which asks nobody whether it may. */
  withMicrophone: () => Promise<Browser>;
  stop: () => Promise<void>;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.on('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? found(address.port) : failed(new Error('no port'))));
    });
  });
}

/** Asks again until the answer is there; how often is not a matter of luck, how long is. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + WITHIN_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`${what} did not happen within ${WITHIN_MS / 1000} s`);
}

/** The caller of the repository's clip, whose words the fake model reads in Hebrew. */
function hebrewCaller(data: string): string {
  const clip = join(data, 'caller.wav');
  copyFileSync(resolve(import.meta.dirname, '../../testdata/caller.wav'), clip);
  writeFileSync(join(data, 'caller.txt'), 'שלום, קוראים לי דנה לוי, אני צריכה אינסטלטור.\nמחר בבוקר מתאים, הדוד שלי נוזל.\nתודה, להתראות.\n');
  return clip;
}

/** The server as the tests' step has built it. */
export function serverProgram(): string {
  const target = process.env['CARGO_TARGET_DIR'] ?? resolve(import.meta.dirname, '../../target');
  const program = join(target, 'debug/prosaas');
  if (!existsSync(program)) throw new Error(`${program} is not there: build the server first`);
  return program;
}

/** What a program is told of the world around it. */
export type Env = Record<'PATH' | 'HOME', string> & Record<string, string>;

/** Waits until a server answers. */
export async function serves(server: ChildProcess, origin: string): Promise<void> {
  await until('the server', async () => {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    return (await fetch(`${origin}/health`).catch(() => undefined))?.ok ? true : undefined;
  });
}

/** Who sits at an installation's command line. */
export function operator(program: string, env: Env & { PUBLIC_BASE_URL: string }) {
  const cli = (...args: string[]) => execFileSync(program, ['admin', ...args], { env, encoding: 'utf8' });
  const addUser = (email: string, name: string, ...what: string[]) => cli('user', 'add', '--email', email, '--name', name, '--language', 'he', ...what);
  return {
    businesses: () => cli('business', 'list').match(/ten_[0-9a-f]+/g) ?? [],
    addBusiness: (name: string, phone: string) => /ten_[0-9a-f]+/.exec(cli('business', 'add', '--name', name, '--phone', phone, '--language', 'he'))?.[0] ?? '',
    addUser,
    addMember: (business: string, email: string, name: string, role: string) => addUser(email, name, '--business', business, '--role', role),
    /** The link is printed instead of mailed: whoever sits at the server hands it on. */
    choosePassword: async (printed: string, email: string): Promise<Person> => {
      const token = /token=([\w-]+)/.exec(printed)?.[1];
      await post(env.PUBLIC_BASE_URL, '/api/auth/password-reset/confirm', { token, password: OWNER.password });
      return { email, password: OWNER.password };
    },
  };
}

/** Starts the real server: `prosaas demo`, which answers one real call with the fake model and serves on. */
export async function startWorld(): Promise<World> {
  const program = serverProgram();
  const executablePath = BROWSERS.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium: install the Debian package `chromium`');
  const data = mkdtempSync(join(tmpdir(), 'prosaas-console-'));
  const origin = `http://127.0.0.1:${await freePort()}`;
  // With a key to seal secrets with: notifications need one.
  const masterKey = `1:${randomBytes(32).toString('base64')}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: data, TZ: 'Asia/Jerusalem', PROSAAS_MASTER_KEY: masterKey };
  const caller = hebrewCaller(data);
  const server = spawn(program, ['demo', '--data-dir', data, '--port', new URL(origin).port, '--caller', caller], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const office = operator(program, { ...env, DATABASE_URL: `sqlite:${join(data, 'demo.db')}`, DATA_DIR: data, PUBLIC_BASE_URL: origin });
  try {
    await serves(server, origin);
    const business = office.businesses()[0] ?? '';
    const addMember = (email: string, name: string, role: string) => office.addMember(business, email, name, role);
    const addColleague = (email: string, name: string, role: string) => office.choosePassword(addMember(email, name, role), email);
    const addBusiness = (name: string, phone: string, owner: string) => {
      const id = office.addBusiness(name, phone);
      return office.choosePassword(office.addMember(id, owner, 'Ron', 'owner'), owner);
    };
    const addAdmin = (email: string) => office.choosePassword(office.addUser(email, 'Ada', '--system-admin'), email);
    const askAs = async (person: Person) => asker(origin, await signInCookie(origin, person));
    await addColleague(OWNER.email, OWNER.name, 'owner');
    const browser = await launch(executablePath);
    const withMicrophone = () => {
      // A file that is not there is silence, not an error.
      if (!existsSync(caller)) throw new Error(`${caller} is not there`);
      return launch(executablePath, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${caller}%noloop`);
    };
    const call = async (from: string) => {
      // The demo prints the command that calls it again, with the token of its account.
      const [, token, url, to] = await until('the demo to say how it is called', () => /TWILIO_AUTH_TOKEN=(\S+) prosaas simulate call --url (\S+) --to (\S+)/.exec(printed) ?? undefined);
      const args = ['simulate', 'call', '--url', url ?? '', '--to', to ?? '', '--from', from, '--caller', caller, '--status-callback', `${origin}/webhook/call_status`];
      await promisify(execFile)(program, args, { env: { ...env, TWILIO_AUTH_TOKEN: token } });
    };
    const front = await fromFolder(origin);
    return { origin: front?.origin ?? origin, browser, ask: await askAs(OWNER), askAs, call, addMember, addColleague, addBusiness, addAdmin, withMicrophone, stop: () => stop(server, browser, front, data) };
  } catch (error) {
    server.kill();
    throw error;
  }
}

function launch(executablePath: string, ...flags: string[]): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', ...flags] });
}

/** With `PROSAAS_CONSOLE_DIST`, the console comes from that folder and not from the server, which needs no building again then. */
export async function fromFolder(server: string): Promise<Front | undefined> {
  const folder = process.env['PROSAAS_CONSOLE_DIST'];
  return folder === undefined ? undefined : startFront(folder, server);
}

async function stop(server: ChildProcess, browser: Browser, front: Front | undefined, data: string) {
  await browser.close();
  await front?.stop();
  const ended = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await ended;
  rmSync(data, { recursive: true, force: true });
}

/** Sends something as the console would, signed in or not. */
export async function post(origin: string, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', origin, 'x-prosaas-request': '1' };
  const response = await fetch(origin + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** What a browser sends of somebody who is signed in. */
export async function signInCookie(origin: string, { email, password }: Person): Promise<string> {
  const response = await post(origin, '/api/auth/login', { email, password });
  return response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
}

/** Asks the API with such a cookie. */
export function asker(origin: string, cookie: string): Ask {
  return async <T>(method: string, path: string, body?: unknown, version?: number) => {
    const headers: Record<string, string> = { cookie, origin, 'x-prosaas-request': '1' };
    if (version !== undefined) headers['if-match'] = `"${version}"`;
    if (body !== undefined) headers['content-type'] = typeof body === 'string' ? 'text/csv' : 'application/json';
    const response = await fetch(origin + path, { method, headers, body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  };
}

export type Language = 'he' | 'en';

/** What went wrong in a page: errors of scripts, and what the policy refused. Empty at the end of every test. */
export const trouble: string[] = [];

/** A browser of its own, signed in: as the owner where nobody else is named. */
export async function signedIn(world: World, width: number, language: Language, dark = false, { email, password }: Person = OWNER): Promise<{ context: BrowserContext; page: Page }> {
  const opened = await visitor(world, width, language, dark);
  await opened.context.request.post(`${world.origin}/api/auth/login`, { data: { email, password }, headers: { origin: world.origin } });
  return opened;
}

/** A browser of its own, of somebody who is not signed in. */
export async function visitor(world: World, width: number, language: Language, dark = false): Promise<{ context: BrowserContext; page: Page }> {
  const context = await world.browser.newContext({
    baseURL: world.origin,
    viewport: { width, height: width < 768 ? 812 : 900 },
    hasTouch: width < 768,
    colorScheme: dark ? 'dark' : 'light',
    timezoneId: 'Asia/Jerusalem',
    reducedMotion: 'reduce',
  });
  await context.addCookies([{ name: 'prosaas_language', value: language, url: world.origin }]);
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => trouble.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (/policy|Content Security|did not match|Minified React/i.test(message.text())) trouble.push(`${page.url()}: ${message.text()}`);
  });
  return { context, page };
}

/** Opens a screen and waits until its heading and its data are there. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator('h1').first().waitFor();
  await settled(page);
}

/** Waits until nothing is loading any more. The stream of events never ends, so the network is never idle. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[role=status] .mantine-Loader-root') === null);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Every screen that can be opened by its address alone. */
export async function screens(world: World): Promise<Record<string, string>> {
  const leads = await world.ask<{ data: { id: string; name?: string | null }[] }>('GET', '/api/crm/leads');
  const calls = await world.ask<{ data: { id: string }[] }>('GET', '/api/calls');
  return {
    today: '/',
    leads: '/leads',
    board: '/leads?view=board',
    lead: `/leads/${leads.data.find(({ name }) => name === 'משה כהן')?.id}`,
    import: '/leads/import',
    calls: '/calls',
    // The oldest one is the demo's own, which has a recording.
    call: `/calls/${calls.data.at(-1)?.id}`,
    inbox: '/inbox',
    whatsapp: '/whatsapp',
    tasks: '/tasks',
    calendar: '/calendar',
    deals: '/deals',
    payments: '/payments',
    users: '/users',
    agent: '/agent',
    connections: '/connections',
    lists: '/lists',
    privacy: '/privacy',
    trash: '/trash',
    audit: '/audit',
    profile: '/profile',
    more: '/more',
  };
}

/** Screens for somebody who is not signed in. */
export const OPEN_SCREENS: Record<string, string> = { 'sign-in': '/sign-in', forgot: '/forgot', reset: '/reset#token=AAAA', 'first-admin': '/first-admin#token=AAAA', invitation: '/invitation' };

/** Imports leads and waits until they are there. */
export async function importLeads(ask: World['ask'], lines: string): Promise<void> {
  const { id } = await ask<{ id: string }>('POST', '/api/crm/leads/imports', lines);
  await until('the leads to be imported', async () => ((await ask<{ state: string }>('GET', `/api/jobs/${id}`)).state === 'done' ? true : undefined));
}

/** Waits until the call that the demo places has ended and its summary is written. */
export async function callIsOver(world: World): Promise<void> {
  await until('the summary of the demo call', async () => {
    const calls = await world.ask<{ data: { summary?: string | null }[] }>('GET', '/api/calls');
    return calls.data[0]?.summary ? true : undefined;
  });
}
