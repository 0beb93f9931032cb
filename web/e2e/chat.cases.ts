import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { type StandIn, standIn } from './chat';
import { findings, overflow, small } from './checks';
import { type Language, type World, open, settled, signedIn, until } from './world';

const STATES = ['unlinked', 'connecting', 'expired', 'needs_passkey', 'unreachable', 'replaced', 'logged_out', 'banned', 'outdated', 'broken', 'ready'];

async function withStandIn(world: World, width: number, language: Language, dark = false) {
  const { data } = await world.ask<{ data: { id: string; name?: string }[] }>('GET', '/api/crm/leads?limit=100');
  const me = await world.ask<{ id: string }>('GET', '/api/auth/me');
  const opened = await signedIn(world, width, language, dark);
  const stand = await standIn(opened.context, { lead: data.find(({ name }) => name === 'משה כהן')?.id ?? null, member: me.id });
  return { ...opened, stand };
}

const asked = (stand: StandIn, what: string) => stand.asked.filter((one) => one.what === what).map(({ body }) => body);

/** Linking and chatting. What only WhatsApp can do is done by a stand-in; everything else is the real server. */
export function chatCases(world: () => World) {
  describe('linking WhatsApp', () => {
    it('by a code that is scanned from the desk: it renews itself, runs out, begins again', async () => {
      const { context, page, stand } = await withStandIn(world(), 1280, 'he');
      stand.link = { state: 'unlinked' };
      await open(page, '/whatsapp');
      await page.getByTestId('wa-show-qr').click();
      const qr = page.getByTestId('wa-qr');
      await qr.waitFor();
      expect(await qr.getAttribute('data-seq')).toBe('1');
      const box = await qr.boundingBox();
      expect(box?.width).toBeGreaterThanOrEqual(264);
      await page.getByTestId('wa-countdown').getByText('קוד חדש בעוד').waitFor();
      const before = Number(await page.getByTestId('wa-countdown').getAttribute('data-seconds'));
      expect(before).toBeGreaterThan(50);
      stand.link = { state: 'qr', qr: '2@the,last,code=='.padEnd(230, 'y'), seq: 6, seconds_left: 20, attempts_left: 0 };
      await page.locator('[data-testid=wa-qr][data-seq="6"]').waitFor();
      await page.getByText('הקוד האחרון').waitFor();
      stand.link = { state: 'expired' };
      await page.getByTestId('wa-restart').click();
      await page.locator('[data-testid=wa-qr][data-seq="1"]').waitFor();
      stand.link = { state: 'ready', number: '+97231234567', linked_at: new Date().toISOString() };
      await page.locator('[data-testid=wa-state][data-state=ready]').waitFor();
      await page.getByText('03-123-4567').waitFor();
      expect(await qr.count()).toBe(0);
      await page.getByTestId('wa-unlink').click();
      await page.getByTestId('wa-unlink-confirm').click();
      await page.locator('[data-testid=wa-state][data-state=unlinked]').waitFor();
      await context.close();
    });

    it('on a phone the code to be typed comes first', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      stand.link = { state: 'unlinked' };
      await open(page, '/whatsapp');
      await page.getByLabel('מספר הוואטסאפ').fill('03-123-4567');
      await page.getByTestId('wa-get-code').click();
      await page.getByTestId('wa-pairing-code').getByText('WXYZ-1234').waitFor();
      expect(asked(stand, 'POST /api/wa/link')).toEqual([{ method: 'pairing_code', phone: '03-123-4567' }]);
      await page.getByText('סריקת קוד').click();
      await page.getByText('את הקוד צריך לסרוק ממסך אחר').waitFor();
      await context.close();
    });

    it.each(['he', 'en'] as const)('every state is said in words, %s', async (language) => {
      const { context, page, stand } = await withStandIn(world(), 375, language);
      const wrong: string[] = [];
      for (const state of STATES) {
        stand.link = { state, ...(state === 'ready' ? { number: '+97231234567' } : {}) };
        // Not `open`: some states turn a wheel for as long as they last.
        await page.goto('/whatsapp');
        await page.locator(`[data-testid=wa-state][data-state=${state}]`).waitFor();
        wrong.push(...(await findings(page)), ...(await overflow(page)));
        // Where the server comes back by itself, or nothing can be done here, no code is asked for first.
        if (state === 'unreachable' || state === 'banned') expect(await page.getByTestId('wa-get-code').count(), state).toBe(0);
      }
      expect(wrong).toEqual([]);
      await context.close();
    });

    it('what does not get through can be unlinked, after asking', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      stand.link = { state: 'connecting' };
      // Not `open`: a wheel turns for as long as it connects.
      await page.goto('/whatsapp');
      await page.locator('[data-testid=wa-state][data-state=connecting]').waitFor();
      expect(await page.getByTestId('wa-stop').count()).toBe(0);
      await page.getByTestId('wa-unlink').click();
      await page.getByText('ההתחברות תיפסק').waitFor();
      expect(asked(stand, 'POST /api/wa/unlink')).toEqual([]);
      await page.getByTestId('wa-unlink-confirm').click();
      await page.locator('[data-testid=wa-state][data-state=unlinked]').waitFor();
      expect(asked(stand, 'POST /api/wa/unlink')).toHaveLength(1);
      await context.close();
    });

    it('an installation without WhatsApp says so, and the settings can be changed all the same', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      stand.link = { state: 'not-configured' };
      await open(page, '/whatsapp');
      await page.locator('[data-testid=wa-state][data-state=not-configured]').waitFor();
      await page.getByLabel('מתי').selectOption('closed');
      await page.getByTestId('wa-settings-save').click();
      await page.getByText('נשמר').waitFor();
      expect((await world().ask<{ answer_hours: string }>('GET', '/api/wa/settings')).answer_hours).toBe('closed');
      await open(page, '/inbox');
      await page.getByTestId('inbox-not-ready').waitFor();
      await context.close();
    });
  });

  describe('the inbox', () => {
    it('on a phone: one at a time, taken over in one tap, answered, given back', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      await open(page, '/inbox');
      const row = page.locator('[data-testid=conversation-row][data-conversation-id=conv_ruth]');
      expect(await small(page, '[data-testid=conversation-row] a')).toEqual([]);
      await row.click();
      await page.getByRole('heading', { name: 'Ruth Bar-On', level: 1 }).waitFor();
      expect(await row.count()).toBe(0);
      await page.getByTestId('take-over').click();
      await page.getByTestId('give-back').waitFor();
      expect(asked(stand, 'PATCH /api/conversations/conv_ruth')).toEqual([{ agent_paused: true }]);
      await page.getByTestId('composer').fill('Hello Ruth, this is Dana.');
      await page.getByTestId('send-message').click();
      const sent = page.getByTestId('message').filter({ hasText: 'this is Dana' });
      await sent.getByLabel('ממתינה לשליחה').waitFor();
      expect(await page.getByTestId('composer').inputValue()).toBe('');
      expect(asked(stand, 'POST /api/conversations/conv_ruth/messages')).toEqual([{ text: 'Hello Ruth, this is Dana.' }]);
      await page.getByTestId('give-back').click();
      await page.getByTestId('take-over').waitFor();
      expect(await small(page, '[data-testid=thread] :is(button, a[aria-label], h1 a, [class*=SegmentedControl-label])')).toEqual([]);
      await page.getByLabel('חזרה לרשימה').click();
      await row.waitFor();
      await context.close();
    });

    it('at a desk: beside the list, read, failed messages again, notes that only the team sees', async () => {
      const { context, page, stand } = await withStandIn(world(), 1280, 'he');
      await open(page, '/inbox?c=conv_moshe');
      const thread = page.getByTestId('thread');
      await thread.getByText('הצעת מחיר ישנה.pdf').waitFor();
      expect(await page.locator('[data-testid=conversation-row] a[aria-current=page]').count()).toBe(1);
      await until('it to be read', () => (asked(stand, 'POST /api/conversations/conv_moshe/read').length === 1 ? true : undefined));
      await page.locator('[data-conversation-id=conv_lid]').getByLabel('הודעה אחת שלא נקראה').waitFor();
      const failed = thread.locator('[data-testid=message][data-status=failed]');
      await failed.getByTestId('message-again').click();
      await until('it to be sent again', () => (asked(stand, 'POST /api/conversations/conv_moshe/messages').length === 1 ? true : undefined));
      await thread.getByText('הערה לצוות', { exact: true }).first().click();
      await page.getByTestId('composer').fill('לקוח ותיק, לתת הנחה');
      await page.getByTestId('save-note').click();
      await thread.getByTestId('thread-note').getByText('לקוח ותיק, לתת הנחה').waitFor();
      const lead = stand.conversations[0]?.lead_id ?? '';
      const notes = await world().ask<{ data: { body: string }[] }>('GET', `/api/crm/notes?lead_id=${lead}`);
      expect(notes.data.map(({ body }) => body)).toContain('לקוח ותיק, לתת הנחה');
      await page.getByRole('button', { name: 'לא נקראו' }).click();
      await page.locator('[data-testid=conversation-row][data-conversation-id=conv_ruth]').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'הכול' }).click();
      await page.getByLabel('חיפוש בהודעות').fill('solar');
      await page.locator('[data-testid=conversation-row][data-conversation-id=conv_moshe]').waitFor({ state: 'detached' });
      await page.locator('[data-testid=conversation-row][data-conversation-id=conv_ruth]').waitFor();
      await context.close();
    });

    it('ready answers are what the business has written down', async () => {
      const { context, page } = await withStandIn(world(), 375, 'he');
      await open(page, '/inbox?c=conv_ruth');
      await page.getByTestId('ready-answers').click();
      await page.getByTestId('ready-answer').filter({ hasText: 'כמה עולה ביקור?' }).click();
      await expect.poll(() => page.getByTestId('composer').inputValue()).toContain('350');
      await context.close();
    });

    it('behind 24 hours, where the channel asks for it, only a template goes out', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      stand.link.needs_templates = true;
      await open(page, '/inbox?c=conv_lid');
      await page.getByTestId('send-template').waitFor();
      expect(await page.getByTestId('composer').count()).toBe(0);
      await open(page, '/inbox?c=conv_moshe');
      await page.getByTestId('composer').waitFor();
      await context.close();
    });

    it('who may only look is offered nothing else, and reads without its being told', async () => {
      const viewer = await world().addColleague('viewer@levi.example', 'צופה', 'viewer');
      const { context, page } = await signedIn(world(), 375, 'he', false, viewer);
      const stand = await standIn(context);
      await open(page, '/inbox?c=conv_moshe');
      await page.getByText('צפייה בלבד').waitFor();
      expect(await page.getByTestId('take-over').count()).toBe(0);
      expect(await page.getByTestId('composer').count()).toBe(0);
      await open(page, '/whatsapp');
      await page.getByText('03-123-4567').waitFor();
      expect(await page.getByTestId('wa-unlink').count()).toBe(0);
      expect(await page.getByTestId('wa-settings-save').count()).toBe(0);
      expect(stand.asked.filter(({ what }) => !what.startsWith('GET'))).toEqual([]);
      expect(stand.asked.filter(({ what }) => what === 'GET /api/wa/qr')).toEqual([]);
      await context.close();
    });

    it.each([
      ['he', 375, false],
      ['he', 375, true],
      ['he', 768, false],
      ['en', 1280, false],
    ] as const)('%s, %i px, dark: %s: nothing sticks out, axe finds nothing serious', async (language, width, dark) => {
      const { context, page, stand } = await withStandIn(world(), width, language, dark);
      const wrong: string[] = [];
      const look = async (at: Page, name: string) => {
        await settled(at);
        wrong.push(...(await findings(at)).map((what) => `${name}: ${what}`), ...(await overflow(at)).map((what) => `${name}: sticks out: ${what}`));
      };
      await open(page, '/inbox');
      await look(page, 'inbox');
      await open(page, '/inbox?c=conv_moshe');
      await look(page, 'thread');
      stand.link = { state: 'unlinked' };
      await open(page, '/whatsapp');
      await page.getByText(language === 'he' ? 'סריקת קוד' : 'Scan a code').click();
      await page.getByTestId('wa-show-qr').click();
      await page.getByTestId('wa-qr').waitFor();
      await look(page, 'qr');
      expect(wrong).toEqual([]);
      await context.close();
    });
  });

  describe('who waits for an answer', () => {
    it('stands on today until answered, or dismissed with a reason; and comes back by undo', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      const { data } = await world().ask<{ data: Record<string, unknown>[] }>('GET', '/api/calls');
      // Nobody misses a call here, so this one is said to have been.
      const missed = { ...data.at(-1), answered_by: 'nobody', id: 'call_0197e4c2a0007000800000000000a0b1', started_at: new Date(Date.now() - 600_000).toISOString() };
      const settled: unknown[] = [];
      await context.route('**/api/calls/waiting*', (route) => route.fulfill({ json: { data: settled.length % 2 === 0 ? [missed] : [], page: { has_more: false } } }));
      await context.route('**/api/calls/*/settlement', (route) => {
        settled.push(route.request().method() === 'PUT' ? route.request().postDataJSON() : null);
        return route.request().method() === 'PUT' ? route.fulfill({ json: missed }) : route.fulfill({ status: 204 });
      });
      await open(page, '/');
      const call = page.locator('[data-testid=rescue-item][data-kind=call]');
      await call.getByText('שיחה שלא נענתה').waitFor();
      expect(await small(page, '[data-testid=rescue-item] :is(button, a[aria-label])')).toEqual([]);
      const chat = page.locator('[data-testid=rescue-item][data-kind=conversation][data-id=conv_moshe]');
      const dismissAt = async (row: typeof call) => (await row.getByTestId('rescue-dismiss').boundingBox())?.x ?? Number.NaN;
      expect(await dismissAt(chat)).toBeCloseTo(await dismissAt(call), 0);
      await call.getByTestId('rescue-answered').click();
      await call.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'ביטול הפעולה' }).click();
      await call.waitFor();
      await call.getByTestId('rescue-dismiss').click();
      await page.getByRole('button', { name: 'טעות במספר' }).click();
      await page.getByTestId('rescue-dismiss-confirm').click();
      await call.waitFor({ state: 'detached' });
      expect(settled).toEqual([{ how: 'answered' }, null, { how: 'dismissed', reason: 'טעות במספר' }]);
      await chat.getByTestId('rescue-dismiss').click();
      await page.getByLabel('או במילים').fill('הסתדר מעצמו');
      await page.getByTestId('rescue-dismiss-confirm').click();
      await chat.waitFor({ state: 'detached' });
      expect(asked(stand, 'PATCH /api/conversations/conv_moshe')).toEqual([{ status: 'closed', close_reason: 'הסתדר מעצמו' }]);
      expect([...(await findings(page)), ...(await overflow(page))]).toEqual([]);
      await context.close();
    });

    it('nobody is said only when both lists were read', async () => {
      const { context, page, stand } = await withStandIn(world(), 375, 'he');
      stand.conversations = [];
      let isAway = true;
      await context.route('**/api/calls/waiting*', (route) => route.fulfill({ json: { data: [], page: { has_more: false } } }));
      await context.route('**/api/conversations?status=open*', (route) => (isAway ? route.fulfill({ status: 404, json: {} }) : route.fallback()));
      await page.goto('/');
      const again = page.getByRole('alert').getByRole('button', { name: 'לנסות שוב' });
      await again.waitFor();
      expect(await page.getByText('אף אחד לא מחכה').count()).toBe(0);
      isAway = false;
      await again.click();
      await page.getByText('אף אחד לא מחכה').waitFor();
      await context.close();
    });

    it('and the server says the same about a call that was answered: it does not wait', async () => {
      const { data } = await world().ask<{ data: { id: string }[] }>('GET', '/api/calls/waiting');
      const calls = await world().ask<{ data: { id: string }[] }>('GET', '/api/calls');
      expect(data).toEqual([]);
      const id = calls.data[0]?.id ?? '';
      const call = await world().ask<{ settlement: unknown }>('PUT', `/api/calls/${id}/settlement`, { how: 'answered' });
      expect(call.settlement ?? null).toBeNull();
      await expect(world().ask('PUT', `/api/calls/${id}/settlement`, { how: 'dismissed' })).rejects.toThrow('400');
    });
  });
}
