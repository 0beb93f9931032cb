import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';

/** The owner whose console the tests use. */
export const OWNER = { email: 'owner@levi.example', name: 'Dana Levi', password: 'correct horse battery staple' };

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const WITHIN_MS = 90_000;

/** A running installation, and a browser. */
export interface World {
  origin: string;
  browser: Browser;
  /** Asks the API as the owner. */
  ask: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** Makes a member and returns the way to sign him in. */
  addMember: (email: string, name: string, role: string) => void;
  stop: () => Promise<void>;
}

async function freePort(): Promise<number> {
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

/** Starts the real server: `prosaas demo`, which answers one real call with the fake model and serves on. */
export async function startWorld(): Promise<World> {
  const target = process.env['CARGO_TARGET_DIR'] ?? resolve(import.meta.dirname, '../../target');
  const program = join(target, 'debug/prosaas');
  if (!existsSync(program)) throw new Error(`${program} is not there: build the server first`);
  const executablePath = BROWSERS.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium: install the Debian package `chromium`');
  const data = mkdtempSync(join(tmpdir(), 'prosaas-console-'));
  const origin = `http://127.0.0.1:${await freePort()}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: data, TZ: 'Asia/Jerusalem' };
  const server = spawn(program, ['demo', '--data-dir', data, '--port', new URL(origin).port], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const cli = (...args: string[]) =>
    execFileSync(program, ['admin', ...args], { env: { ...env, DATABASE_URL: `sqlite:${join(data, 'demo.db')}`, DATA_DIR: data, PUBLIC_BASE_URL: origin }, encoding: 'utf8' });
  try {
    await until('the server', async () => {
      if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
      return (await fetch(`${origin}/health`).catch(() => undefined))?.ok ? true : undefined;
    });
    const business = /ten_[0-9a-f]+/.exec(cli('business', 'list'))?.[0] ?? '';
    const addMember = (email: string, name: string, role: string) => cli('user', 'add', '--email', email, '--name', name, '--language', 'he', '--business', business, '--role', role);
    const token = /token=([\w-]+)/.exec(addMember(OWNER.email, OWNER.name, 'owner'))?.[1];
    await post(origin, '/api/auth/password-reset/confirm', { token, password: OWNER.password });
    const cookie = await signInCookie(origin);
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    return { origin, browser, ask: asker(origin, cookie), addMember, stop: () => stop(server, browser, data) };
  } catch (error) {
    server.kill();
    throw error;
  }
}

async function stop(server: ChildProcess, browser: Browser, data: string) {
  await browser.close();
  const ended = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await ended;
  rmSync(data, { recursive: true, force: true });
}

async function post(origin: string, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', origin, 'x-prosaas-request': '1' };
  const response = await fetch(origin + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function signInCookie(origin: string): Promise<string> {
  const response = await post(origin, '/api/auth/login', { email: OWNER.email, password: OWNER.password });
  return response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
}

function asker(origin: string, cookie: string): World['ask'] {
  return async <T>(method: string, path: string, body?: unknown) => {
    const headers: Record<string, string> = { cookie, origin, 'x-prosaas-request': '1' };
    if (body !== undefined) headers['content-type'] = typeof body === 'string' ? 'text/csv' : 'application/json';
    const response = await fetch(origin + path, { method, headers, body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  };
}

export type Language = 'he' | 'en';

/** What went wrong in a page: errors of scripts, and what the policy refused. Empty at the end of every test. */
export const trouble: string[] = [];

/** A browser of its own, signed in as the owner. */
export async function signedIn(world: World, width: number, language: Language, dark = false): Promise<{ context: BrowserContext; page: Page }> {
  const opened = await visitor(world, width, language, dark);
  await opened.context.request.post(`${world.origin}/api/auth/login`, { data: { email: OWNER.email, password: OWNER.password }, headers: { origin: world.origin } });
  return opened;
}

/** A browser of its own, of somebody who is not signed in. */
export async function visitor(world: World, width: number, language: Language, dark = false): Promise<{ context: BrowserContext; page: Page }> {
  const context = await world.browser.newContext({
    baseURL: world.origin,
    viewport: { width, height: width < 768 ? 760 : 860 },
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
  const leads = await world.ask<{ data: { id: string }[] }>('GET', '/api/crm/leads');
  const calls = await world.ask<{ data: { id: string }[] }>('GET', '/api/calls');
  return {
    today: '/',
    leads: '/leads',
    board: '/leads?view=board',
    lead: `/leads/${leads.data.at(-1)?.id}`,
    import: '/leads/import',
    calls: '/calls',
    call: `/calls/${calls.data[0]?.id}`,
    tasks: '/tasks',
    calendar: '/calendar',
    deals: '/deals',
    payments: '/payments',
    users: '/users',
    agent: '/agent',
    connections: '/connections',
    trash: '/trash',
    audit: '/audit',
    profile: '/profile',
    more: '/more',
  };
}

/** Screens for somebody who is not signed in. */
export const OPEN_SCREENS: Record<string, string> = { 'sign-in': '/sign-in', forgot: '/forgot', reset: '/reset#token=AAAA', 'first-admin': '/first-admin#token=AAAA', invitation: '/invitation' };

/** Waits until the call that the demo places has ended and its summary is written. */
export async function callIsOver(world: World): Promise<void> {
  await until('the summary of the demo call', async () => {
    const calls = await world.ask<{ data: { summary?: string | null }[] }>('GET', '/api/calls');
    return calls.data[0]?.summary ? true : undefined;
  });
}

/** Records as a business has them: made over the API, by nobody's hand in a database. */
export async function fill(world: World): Promise<void> {
  const lines = readFileSync(join(import.meta.dirname, 'leads.csv'), 'utf8');
  const { id: job } = await world.ask<{ id: string }>('POST', '/api/crm/leads/imports', lines);
  await until('the leads to be imported', async () => ((await world.ask<{ state: string }>('GET', `/api/jobs/${job}`)).state === 'done' ? true : undefined));
  const { data: leads } = await world.ask<{ data: { id: string }[] }>('GET', '/api/crm/leads');
  const lead_id = leads.at(-1)?.id;
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  await world.ask('POST', '/api/crm/notes', { lead_id, body: 'ביקשה הצעת מחיר לדוד שמש 150 ליטר (Chromagen)' });
  await world.ask('POST', '/api/crm/tasks', { title: 'להתקשר לגבי הצעת המחיר', lead_id, due_at: at(-2), priority: 'urgent' });
  await world.ask('POST', '/api/crm/tasks', { title: 'Order valve 3/4" for Monday', due_at: at(1) });
  await world.ask('POST', '/api/crm/appointments', { title: 'ביקור: נזילה במטבח', lead_id, starts_at: at(3), ends_at: at(4), place: 'הרצל 12, חיפה' });
  // A pipeline comes with its stages.
  const pipeline = await world.ask<{ stages: { id: string }[] }>('POST', '/api/crm/pipelines', { name: 'מכירות' });
  await world.ask('POST', '/api/crm/deals', { title: 'החלפת דוד שמש', lead_id, stage_id: pipeline.stages[0]?.id, value: { amount: 450_000, currency: 'ILS' } });
  await world.ask('POST', '/api/crm/payments', { lead_id, value: { amount: 35_000, currency: 'ILS' }, method: 'cash', description: 'ביקור', paid_at: at(-1) });
  world.addMember('noa@levi.example', 'Noa Cohen', 'agent');
}
