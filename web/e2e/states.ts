import type { BrowserContext, Page, Route } from 'playwright-core';

import { en } from '@/shared/i18n/en';
import { he } from '@/shared/i18n/he';

import { NO_NUMBER, type StandIn, standIn } from './chat';
import { type Language, type World, open } from './world';

/** What the states are made with. */
export interface Stage {
  world: World;
  context: BrowserContext;
  page: Page;
  /** The words of the language that is shown. */
  words: typeof he;
  isPhone: boolean;
  /** Takes the picture. */
  shoot: (name: string) => Promise<void>;
}

export const wordsOf = (language: Language) => (language === 'he' ? he : (en as unknown as typeof he));

/** WhatsApp as it looks with a link and with messages, which only a stand-in has here. */
export async function chatStates({ world, context, page, words, shoot }: Stage): Promise<void> {
  const stand = await withChats(world, context);
  await open(page, '/');
  await shoot('rescue');
  await page.getByTestId('rescue-dismiss').first().click();
  await page.getByTestId('rescue-dismiss-confirm').waitFor();
  await shoot('rescue-dismiss');
  await open(page, '/inbox');
  await shoot('chat-inbox');
  await open(page, '/inbox?c=conv_moshe');
  await page.getByText('הצעת מחיר ישנה.pdf').first().waitFor();
  await shoot('chat-thread');
  await page.getByTestId('conversation-actions').click();
  await page.getByTestId('conversation-close').waitFor();
  await shoot('chat-actions');
  await page.keyboard.press('Escape');
  await page.getByTestId('thread').getByText(words.inbox.asNote, { exact: true }).first().click();
  await page.getByTestId('composer').fill('לקוח ותיק, לתת הנחה');
  await shoot('chat-note');
  await open(page, '/inbox?c=conv_ruth');
  await page.getByTestId('ready-answers').click();
  await page.getByTestId('ready-answer').first().waitFor();
  await shoot('chat-ready');
  await page.keyboard.press('Escape');
  await page.getByTestId('composer').fill('/');
  await page.getByTestId('reply-option').first().waitFor();
  await shoot('chat-replies');
  stand.link.needs_templates = true;
  await open(page, '/inbox?c=conv_lid');
  await page.getByTestId('send-template').waitFor();
  await shoot('chat-template');
  await open(page, '/whatsapp');
  await shoot('chat-linked');
  await page.getByTestId('wa-unlink').click();
  await page.getByTestId('wa-unlink-confirm').waitFor();
  await shoot('chat-unlink');
  for (const state of ['unlinked', 'expired', 'logged_out', 'banned', 'unreachable']) {
    stand.link = { state };
    await page.goto('/whatsapp');
    await page.locator(`[data-testid=wa-state][data-state=${state}]`).waitFor();
    await shoot(`chat-${state}`);
  }
  stand.link = { state: 'qr', qr: '2@a,code,of,WhatsApp=='.padEnd(230, 'x'), seq: 2, seconds_left: 20, attempts_left: 4 };
  await open(page, '/whatsapp');
  await page.getByTestId('wa-qr').waitFor();
  await shoot('chat-qr');
  stand.link = { state: 'pairing_code', pairing_code: 'WXYZ1234' };
  await open(page, '/whatsapp');
  await page.getByTestId('wa-pairing-code').waitFor();
  await shoot('chat-code');
  stand.link = { state: 'unlinked' };
  await open(page, '/whatsapp');
  await page.getByText(words.wa.atMeta, { exact: true }).click();
  await page.getByTestId('wa-cloud-save').waitFor();
  await shoot('cloud-none');
  const number = { phone_number_id: '106540352242922', account_id: '102290129340398', has_token: true };
  stand.cloud = { ...number, is_on: false, last_webhook_at: null, refuses: 190 };
  await open(page, '/whatsapp');
  await page.getByTestId('wa-cloud-on').click();
  await page.getByRole('alert').waitFor();
  await shoot('cloud-refused');
  stand.cloud = { ...number, is_on: true, last_webhook_at: new Date().toISOString() };
  await open(page, '/whatsapp');
  await page.getByTestId('wa-cloud-off').waitFor();
  await shoot('cloud-on');
  stand.cloud = NO_NUMBER;
  stand.conversations = [];
  stand.link = { state: 'unlinked' };
  await open(page, '/inbox');
  await shoot('chat-none');
}

/** Conversations, and calls that wait for an answer: nobody misses a call here, so three are said to have been. */
async function withChats(world: World, context: BrowserContext): Promise<StandIn> {
  const { data } = await world.ask<{ data: { id: string; name?: string }[] }>('GET', '/api/crm/leads?limit=100');
  const me = await world.ask<{ id: string }>('GET', '/api/auth/me');
  const calls = await world.ask<{ data: Record<string, unknown>[] }>('GET', '/api/calls');
  const how = ['nobody', 'voicemail', 'rejected'];
  const missed = calls.data.slice(0, how.length).map((call, index) => ({ ...call, answered_by: how[index], started_at: new Date(Date.now() - (index + 1) * 1_500_000).toISOString() }));
  await context.route('**/api/calls/waiting*', (route) => route.fulfill({ json: { data: missed, page: { has_more: false } } }));
  return standIn(context, { lead: data.find(({ name }) => name === 'משה כהן')?.id ?? null, member: me.id });
}

/** The leads' windows, menus and messages. */
export async function leadStates({ world, page, words, isPhone, shoot }: Stage): Promise<void> {
  const { data } = await world.ask<{ data: { id: string; name?: string }[] }>('GET', '/api/crm/leads?limit=100');
  const idOf = (name: string) => data.find((lead) => lead.name === name)?.id ?? '';
  await open(page, '/leads?q=zzzz');
  await page.getByText(words.common.nothingFound).waitFor();
  await shoot('leads-nothing-found');
  await open(page, '/leads');
  if (isPhone) {
    await page.getByLabel(words.leads.filter).click();
    await shoot('leads-filters');
  }
  await page.getByRole('button', { name: words.leads.views }).click();
  await page.getByRole('menuitem').first().waitFor();
  await shoot('leads-views');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: words.leads.add }).click();
  await page.getByRole('dialog').waitFor();
  await shoot('leads-new');
  await open(page, '/leads');
  const remove = `[data-testid=lead-delete][data-lead-id="${idOf('תמר גולן')}"]`;
  await page.locator(remove).click();
  await page.getByTestId('lead-delete-confirm').waitFor();
  await shoot('leads-delete');
  await page.getByTestId('lead-delete-confirm').click();
  const toast = page.getByTestId('undo-toast');
  await toast.waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await shoot('leads-deleted');
  await toast.getByRole('button').first().click();
  await page.locator(remove).waitFor();
  if (!isPhone && (await page.getByTestId('lead-row').count()) > 0) {
    for (const row of (await page.getByTestId('lead-row').all()).slice(0, 3)) await row.getByRole('checkbox').check();
    await page.getByTestId('bulk-bar').waitFor();
    await shoot('leads-bulk');
    await page.getByTestId('bulk-bar').getByRole('button', { name: words.common.delete }).click();
    await page.getByTestId('bulk-delete-confirm').waitFor();
    await shoot('leads-bulk-delete');
  }
  await open(page, '/leads?view=board');
  await page.getByTestId('move-to').first().click();
  await page.getByRole('menuitem').first().waitFor();
  await shoot('board-move');
  await open(page, `/leads/${idOf('משה כהן')}`);
  await page.getByLabel(words.timeline.write).fill('להביא ברז חלופי 3/4"\nלצלם לפני ואחרי');
  await page.getByLabel(words.timeline.asTask).check();
  await shoot('lead-composer');
  await page.getByRole('button', { name: words.common.edit }).click();
  await page.getByRole('dialog').waitFor();
  await shoot('lead-edit');
  await open(page, `/leads/${idOf('משה כהן')}`);
  await page.getByRole('button', { name: words.common.actions }).click();
  await page.getByRole('menuitem', { name: words.merge.title }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').first().fill('תמר גולן');
  await shoot('lead-merge-search');
  await dialog.locator('li button').first().click();
  await dialog.getByText(words.merge.hint).waitFor();
  await shoot('lead-merge');
  await importStates(page, words, shoot);
}

/** The server's answer, changed; nothing where the page has left before it came. */
async function altered<T>(route: Route, change: (body: T) => object): Promise<void> {
  try {
    const response = await route.fetch();
    await route.fulfill({ response, json: change((await response.json()) as T) });
  } catch {
    // The page has left.
  }
}

async function importStates(page: Page, words: Stage['words'], shoot: Stage['shoot']): Promise<void> {
  const csv = 'שם,טלפון\nבדיקת ייבוא,03-123-4571\nמספר שבור,12\n';
  const file = { name: 'לקוחות 2026.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) };
  await open(page, '/leads/import');
  await page.setInputFiles('input[type=file]', file);
  await page.getByRole('heading', { name: words.import.would }).waitFor();
  await shoot('import-would');
  // A file of two lines is over before anybody has looked, so this one is said to go on.
  await page.route('**/api/jobs/*', (route) => altered<object>(route, (job) => ({ ...job, state: 'running', total: 1_840, done: 612, failed: 3, errors: [] })));
  await open(page, '/leads/import');
  await page.setInputFiles('input[type=file]', file);
  await page.getByRole('status').filter({ hasText: '1840' }).or(page.getByRole('status').filter({ hasText: '1,840' })).first().waitFor();
  await shoot('import-running');
  await page.unroute('**/api/jobs/*');
}

/** The other screens' windows. */
export async function officeStates({ page, words, shoot }: Stage): Promise<void> {
  const dialog = page.getByRole('dialog');
  const inWindow = async (name: string, path: string, button: string, nth = 0) => {
    await open(page, path);
    await page.getByRole('main').getByRole('button', { name: button }).nth(nth).click();
    await dialog.waitFor();
    await shoot(name);
  };
  await inWindow('tasks-new', '/tasks', words.tasks.add);
  await inWindow('calendar-new', '/calendar', words.calendar.add);
  await inWindow('deals-new', '/deals', words.deals.add);
  await inWindow('payments-new', '/payments', words.payments.add);
  await inWindow('users-invite', '/users', words.users.invite);
  await inWindow('agent-add', '/agent', words.common.add);
  await inWindow('connections-add', '/connections', words.common.add);
  await inWindow('connections-answering', '/connections', words.connections.mode);
  await inWindow('lists-add', '/lists', words.common.add);
  await inWindow('privacy-new', '/privacy', words.privacy.add);
  await inWindow('profile-password', '/profile', words.profile.changePassword);
  await open(page, '/users');
  await page.getByTestId('user-delete').first().click();
  await page.getByTestId('user-delete-confirm').waitFor();
  await shoot('users-delete');
  await open(page, '/');
  await page.getByRole('button', { name: words.shell.account }).click();
  await page.getByRole('menuitem').first().waitFor();
  await shoot('account-menu');
}

const LIVE = /\/api\/calls(\?|\/call_[^/]*$|$)/;
const TASKS = '**/api/crm/tasks*';

/** A call that goes on, and what is seen when something is wrong. */
export async function troubleStates({ context, page, words, shoot }: Stage): Promise<void> {
  // A call is over within seconds here, so the newest one is said to go on.
  const goesOn = (call: Record<string, unknown>) => ({ ...call, ended_at: null, end: null, cost_micro_usd: 0, answered_by: 'agent', summary: null, started_at: new Date(Date.now() - 94_000).toISOString() });
  await context.route(LIVE, (route) =>
    altered<{ data?: Record<string, unknown>[] }>(route, (body) => (body.data ? { ...body, data: body.data.map((call, index) => (index === 0 ? goesOn(call) : call)) } : goesOn(body))),
  );
  await open(page, '/calls');
  await shoot('calls-live');
  await page.getByTestId('call-row').first().locator('a[href^="/calls/"]').first().click();
  await page.waitForURL('**/calls/*');
  await page.locator('h1').first().waitFor();
  await shoot('call-live');
  await context.unroute(LIVE);
  await open(page, '/leads/lead_01980000000070008000000000000001');
  await page.getByRole('alert').waitFor();
  await shoot('not-found-lead');
  await page.goto('/nowhere');
  await page.getByText(words.common.notFound).waitFor();
  await shoot('not-found');
  await context.route(TASKS, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ type: 'about:blank', title: '', status: 503, code: 'unavailable' }) }));
  await page.goto('/tasks');
  await page.getByRole('button', { name: words.common.tryAgain }).first().waitFor();
  await shoot('tasks-failed');
  await context.unroute(TASKS);
  await open(page, '/leads');
  await context.setOffline(true);
  await page.getByText(words.shell.offline).waitFor();
  await shoot('leads-offline');
  await context.setOffline(false);
}

/** Screens of a business that has nothing yet. */
export const EMPTY_SCREENS: Record<string, string> = {
  'empty-today': '/',
  'empty-leads': '/leads',
  'empty-board': '/leads?view=board',
  'empty-calls': '/calls',
  'empty-inbox': '/inbox',
  'empty-tasks': '/tasks',
  'empty-calendar': '/calendar',
  'empty-deals': '/deals',
  'empty-payments': '/payments',
  'empty-agent': '/agent',
  'empty-connections': '/connections',
  'empty-lists': '/lists',
  'empty-privacy': '/privacy',
  'empty-trash': '/trash',
};
