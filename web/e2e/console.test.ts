import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { chatCases } from './chat.cases';
import { findings, overflow, small } from './checks';
import { cloudCases } from './cloud.cases';
import { directionCases } from './direction.cases';
import { linkedCases } from './linked.cases';
import { officeCases } from './office.cases';
import { pushCases } from './push.cases';
import { fill } from './records';
import { repliesCases } from './replies.cases';
import { safetyCases } from './safety.cases';
import { sessionCases } from './session.cases';
import { speedCases } from './speed.cases';
import { talkCases } from './talk.cases';
import { type Language, OPEN_SCREENS, OWNER, type World, callIsOver, open, screens, signedIn, startWorld, trouble, until, visitor } from './world';

const WIDTHS = [375, 768, 1280];
const LANGUAGES: Language[] = ['he', 'en'];

/** Every script but the page's first one. */
const MODULES = /\/assets\/(?!boot-)[^/]*\.js/;

/** How long going through every screen may take: some 25 of them, on a machine that does other things too. */
const EVERY_SCREEN_MS = 180_000;

let world: World;

beforeAll(async () => {
  world = await startWorld();
  await callIsOver(world);
  await fill(world);
});

afterAll(async () => {
  await world?.stop();
});

afterEach(() => {
  expect(trouble.splice(0)).toEqual([]);
});

describe('signing in', () => {
  it('takes the owner where he wanted to go, and says in words when the password is wrong', async () => {
    const { context, page } = await visitor(world, 375, 'he');
    await page.goto('/tasks');
    await page.waitForURL(/\/sign-in/);
    expect(await page.getAttribute('html', 'dir')).toBe('rtl');
    await page.fill('[name=email]', OWNER.email);
    await page.fill('[name=password]', 'not this one at all');
    await page.click('button[type=submit]');
    await page.getByRole('alert').getByText('לא נכונים').waitFor();
    await page.fill('[name=password]', OWNER.password);
    await page.click('button[type=submit]');
    await page.waitForURL('**/tasks');
    await page.getByRole('heading', { name: 'משימות', level: 1 }).waitFor();
    await context.close();
  });

  it('a link to a foreign site is not followed after it', async () => {
    const { context, page } = await visitor(world, 1280, 'en');
    await page.goto('/sign-in?to=//evil.example/');
    await page.fill('[name=email]', OWNER.email);
    await page.fill('[name=password]', OWNER.password);
    await page.click('button[type=submit]');
    await page.getByRole('heading', { name: 'Today', level: 1 }).waitFor();
    expect(new URL(page.url()).origin).toBe(world.origin);
    await context.close();
  });
});

describe('leads', () => {
  it('a card is deleted on a phone, comes back by undo, and lies in the trash otherwise', async () => {
    const { context, page } = await signedIn(world, 375, 'he');
    await open(page, '/leads');
    const card = page.getByTestId('lead-card').filter({ hasText: 'משה כהן' });
    const id = (await card.getAttribute('data-lead-id')) ?? '';
    const remove = card.getByTestId('lead-delete');
    for (const button of await card.locator('a[aria-label], button').all()) {
      const box = await button.boundingBox();
      expect(box?.width).toBeGreaterThanOrEqual(44);
      expect(box?.height).toBeGreaterThanOrEqual(44);
    }
    const mine = `[data-lead-id="${id}"]`;
    const gone = async () => (await page.locator(`[data-testid=lead-card]${mine}`).count()) === 0;
    await remove.click();
    expect(page.url()).toMatch(/\/leads$/);
    await page.locator(`[data-testid=lead-delete-confirm]${mine}`).click();
    const toast = page.locator(`[data-testid=undo-toast]${mine}`);
    await toast.waitFor();
    await until('the card to go', async () => ((await gone()) ? true : undefined));
    await toast.getByRole('button').first().click();
    await page.locator(`[data-testid=lead-card]${mine}`).waitFor();
    await page.locator(`[data-testid=lead-card]${mine}`).getByTestId('lead-delete').click();
    await page.locator(`[data-testid=lead-delete-confirm]${mine}`).click();
    await until('the server to know', async () => {
      const trash = await world.ask<{ data: { id: string }[] }>('GET', '/api/crm/leads/trash');
      return trash.data.some((lead) => lead.id === id) ? true : undefined;
    });
    await open(page, '/trash');
    const row = page.locator(`[data-testid=trash-row][data-id="${id}"]`);
    await row.getByRole('button').click();
    await row.waitFor({ state: 'detached' });
    await context.close();
  });

  it('moves by the menu, and an open console elsewhere sees it within a second', async () => {
    const mover = await signedIn(world, 1280, 'en');
    const watcher = await signedIn(world, 1280, 'en');
    await open(mover.page, '/leads?view=board');
    await open(watcher.page, '/leads');
    const card = mover.page.getByTestId('board-card').filter({ hasText: 'Ruth Bar-On' });
    const id = await card.getAttribute('data-lead-id');
    await card.getByTestId('move-to').click();
    const began = Date.now();
    await mover.page.getByRole('menuitem', { name: 'Qualified' }).click();
    await watcher.page.locator(`[data-testid=lead-row][data-lead-id="${id}"]`).getByText('Qualified').waitFor();
    const took = Date.now() - began;
    console.log(`seen in another browser after ${took} ms`);
    await mover.context.close();
    await watcher.context.close();
  });

  it('what people type is text and never runs', async () => {
    const payload = '<img src=x onerror="document.title=\'ran\'"><script>document.title="ran"</script>';
    const lead = await world.ask<{ id: string }>('POST', '/api/crm/leads', { name: payload, notes: payload, phone: '+12025550119' });
    const { context, page } = await signedIn(world, 1280, 'he');
    await open(page, `/leads/${lead.id}`);
    await page.getByText('onerror').first().waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).not.toBe('ran');
    await context.close();
    await world.ask('POST', '/api/crm/notes', { lead_id: lead.id, body: payload });
  });

  it('are imported from a file after a look, and the import is taken back', async () => {
    const { context, page } = await signedIn(world, 375, 'he');
    await open(page, '/leads/import');
    const csv = 'שם,טלפון\nבדיקת ייבוא,03-123-4571\nמספר שבור,12\n';
    await page.setInputFiles('input[type=file]', { name: 'leads.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
    await page.getByRole('button', { name: 'ייבוא ליד אחד' }).click();
    await page.getByRole('heading', { name: 'הייבוא הסתיים' }).waitFor();
    await page.getByRole('button', { name: 'ביטול הייבוא' }).click();
    await page.getByRole('heading', { name: 'הייבוא בוטל' }).waitFor();
    await context.close();
  });
});

describe('calls', () => {
  it('the real call is there: its recording plays, and its lines seek', async () => {
    const { context, page } = await signedIn(world, 375, 'he');
    await open(page, '/calls');
    await page.getByTestId('call-row').first().locator('a[href^="/calls/"]').click();
    const audio = page.getByTestId('recording');
    await audio.waitFor();
    await until('the recording to load', () => audio.evaluate((player) => ((player as HTMLAudioElement).readyState >= 1 ? true : undefined)));
    const line = page.getByTestId('transcript-line').nth(4);
    const at = Number(await line.getAttribute('data-at-ms'));
    expect(at).toBeGreaterThan(5_000);
    await line.click();
    await until('the player to be there', () => audio.evaluate((player, second) => (Math.abs((player as HTMLAudioElement).currentTime - second) < 3 ? true : undefined), at / 1000));
    await context.close();
  });
});

describe('a call that comes in', () => {
  it('stands in an open console while it goes on, and so does its end', async () => {
    const { context, page } = await signedIn(world, 375, 'he');
    await open(page, '/calls');
    const live = page.getByTestId('call-row').getByText('בשיחה עכשיו');
    const calling = world.call('+97231234585');
    await live.waitFor();
    const ended = until('the call to end', async () => {
      const { data } = await world.ask<{ data: { ended_at?: string | null }[] }>('GET', '/api/calls?limit=1');
      return data[0]?.ended_at ? Date.now() : undefined;
    });
    const seen = live.waitFor({ state: 'detached', timeout: 60_000 }).then(() => Date.now());
    console.log(`the end of a call is seen ${(await seen) - (await ended)} ms after the API says so`);
    await calling;
    await page.getByTestId('call-row').first().getByText('הסוכן ענה').waitFor();
    await context.close();
  }, 90_000);

  it('is watched as it is spoken; its agent is told something, and ends it with a goodbye', async () => {
    const { context, page } = await signedIn(world, 375, 'he');
    await open(page, '/calls');
    const calling = world.call('+97231234586');
    const live = page.getByTestId('live-call');
    await live.getByTestId('live-line').filter({ hasText: 'דנה לוי' }).first().waitFor();
    await live.getByTestId('whisper').fill('להציע תשע בבוקר');
    await live.getByTestId('whisper-send').click();
    await live.locator('[data-speaker=whisper]').getByText('להציע תשע בבוקר').waitFor();
    await live.getByTestId('hang-up').click();
    await page.getByTestId('hang-up-confirm').click();
    await live.waitFor({ state: 'detached', timeout: 30_000 });
    await calling;
    const { data } = await world.ask<{ data: { end?: string | null }[] }>('GET', '/api/calls?limit=1');
    expect(data[0]?.end).toBe('agent_ended');
    await context.close();
  }, 90_000);
});

describe('users', () => {
  it('nobody is offered to delete himself; another one goes, and the list says so', async () => {
    world.addMember('gone@levi.example', 'Avi Gone', 'agent');
    const { context, page } = await signedIn(world, 1280, 'he');
    await open(page, '/users');
    const row = (name: string) => page.getByTestId('user-row').filter({ hasText: name });
    await row('Avi Gone').waitFor();
    expect(await row(OWNER.email).getByTestId('user-delete').count()).toBe(0);
    expect(await row(OWNER.email).getByTestId('user-delete-reason').textContent()).toBe('אי אפשר למחוק את עצמך');
    await row('Avi Gone').getByTestId('user-delete').click();
    await page.getByTestId('user-delete-confirm').click();
    await row('Avi Gone').waitFor({ state: 'detached' });
    await context.close();
  });
});

officeCases(() => world);
chatCases(() => world);
linkedCases(() => world);
cloudCases(() => world);
repliesCases(() => world);
safetyCases(() => world);
sessionCases(() => world);
directionCases(() => world);
speedCases(() => world);
talkCases(() => world);
pushCases(() => world);

describe('the first load', () => {
  it.each(['/', '/leads', '/inbox'])('of %s asks early for what the screen asks for, and for nothing twice', async (path) => {
    for (const width of [375, 1280]) {
      const { context, page } = await signedIn(world, width, 'he');
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url().replace(world.origin, '')));
      await open(page, path);
      const untaken = await page.evaluate(() => [...((globalThis as unknown as { prosaasEarly?: Map<string, unknown> }).prosaasEarly?.keys() ?? [])]);
      expect(untaken).toEqual([]);
      const firsts = asked.filter((url) => /^\/api\/(auth\/me|crm\/leads\?|crm\/stages|calls\/waiting|conversations\?)/.test(url));
      expect([...new Set(firsts)].sort()).toEqual(firsts.sort());
      // The screen's own file and the texts of one language.
      expect(asked.filter((url) => /\/assets\/(Today|Leads|Inbox|he|en)-.*\.js$/.test(url))).toHaveLength(2);
      await context.close();
    }
  });
});

describe('languages', () => {
  it('the switch turns the page around, and the next first paint already is', async () => {
    const { context, page } = await signedIn(world, 1280, 'he');
    await open(page, '/');
    const middle = async () => {
      const box = await page.getByRole('navigation').first().boundingBox();
      return (box?.x ?? 0) + (box?.width ?? 0) / 2;
    };
    const right = await middle();
    await page.getByTestId('language-switch').click();
    await page.waitForFunction(() => document.documentElement.dir === 'ltr');
    await page.getByRole('heading', { name: 'Today', level: 1 }).waitFor();
    expect(Math.abs(right - (1280 - (await middle())))).toBeLessThan(20);
    // Before any module has run: only the page and its first script.
    await page.route(MODULES, (route) => route.abort());
    await page.goto('/', { waitUntil: 'domcontentloaded' });
    expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual(['en', 'ltr']);
    trouble.length = 0;
    await context.close();
    await world.ask('PATCH', '/api/auth/me', { language: 'he' });
  });

  it('dark is dark before the console has loaded', async () => {
    const { context, page } = await visitor(world, 375, 'he', true);
    await page.route(MODULES, (route) => route.abort());
    await page.goto('/sign-in', { waitUntil: 'domcontentloaded' });
    expect(await page.getAttribute('html', 'data-mantine-color-scheme')).toBe('dark');
    await context.close();
  });
});

describe.each(LANGUAGES)('every screen, %s', (language) => {
  it.each(WIDTHS)('at %i px: nothing sticks out sideways, thumbs find their buttons, and axe finds nothing serious', async (width) => {
    const wrong: string[] = [];
    const look = async (page: Page, name: string) => {
      wrong.push(...(await overflow(page)).map((what) => `${name}: sticks out: ${what}`));
      // Contrast, names and roles do not depend on the width; the narrow and the wide layout do differ.
      // Buttons under a thumb; the lines of a transcript are as high as their words.
      if (width === 375) wrong.push(...(await small(page, 'main button:not([data-testid=transcript-line])')).map((what) => `${name}: small: ${what}`));
      if (width !== 768) wrong.push(...(await findings(page)).map((what) => `${name}: ${what}`));
    };
    const inside = await signedIn(world, width, language);
    for (const [name, path] of Object.entries(await screens(world))) {
      await open(inside.page, path);
      await look(inside.page, name);
    }
    await inside.context.close();
    const outside = await visitor(world, width, language, true);
    for (const [name, path] of Object.entries(OPEN_SCREENS)) {
      await open(outside.page, path);
      await look(outside.page, name);
    }
    await outside.context.close();
    expect(wrong).toEqual([]);
  }, EVERY_SCREEN_MS);
});
