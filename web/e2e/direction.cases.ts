import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { findings, loose, unwalled } from './checks';
import { wordsOf } from './states';
import { type Language, OPEN_SCREENS, OWNER, type World, open, screens, signedIn, visitor } from './world';

const LANGUAGES: Language[] = ['he', 'en'];
/** A mirrored page may be off by what a letter is wide. */
const NEAR_PX = 24;
/** A customer with an English name, in a Hebrew console. */
const FOREIGN_NAME = 'Ruth Bar-On';

/** The middle of something, from the left. */
async function middleOf(page: Page, selector: string): Promise<number> {
  const box = await page.locator(selector).filter({ visible: true }).first().boundingBox();
  return (box?.x ?? Number.NaN) + (box?.width ?? Number.NaN) / 2;
}

const focused = (page: Page) => page.evaluate(() => document.activeElement?.outerHTML.slice(0, 160) ?? '');

/** What Hebrew asks of a screen, and what a keyboard does. */
export function directionCases(world: () => World) {
  describe('directions', () => {
    it('a browser that knows nothing gets Hebrew from the right', async () => {
      const { context, page } = await visitor(world(), 375, 'he');
      await context.clearCookies();
      await page.goto('/sign-in', { waitUntil: 'domcontentloaded' });
      expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual(['he', 'rtl']);
      await context.close();
    });

    it.each(LANGUAGES)('numbers, addresses and foreign names are walled off from the words around them, %s', async (language) => {
      const wrong: string[] = [];
      const look = async (page: Page, name: string) => {
        wrong.push(...(await unwalled(page)).map((what) => `${name}: ${what}`));
        wrong.push(...(await loose(page, FOREIGN_NAME)).map((what) => `${name}: a name: ${what}`));
      };
      for (const width of [375, 1280]) {
        const { context, page } = await signedIn(world(), width, language);
        for (const [name, path] of Object.entries(await screens(world()))) {
          await open(page, path);
          await look(page, name);
        }
        await context.close();
      }
      expect([...new Set(wrong)]).toEqual([]);
    }, 180_000);

    it.each([375, 768, 1280])('at %i px everything of the frame stands at the other side in English', async (width) => {
      const places: Record<Language, number[]> = { he: [], en: [] };
      for (const language of LANGUAGES) {
        const { context, page } = await signedIn(world(), width, language);
        await open(page, '/calendar');
        for (const selector of ['header > a', `[aria-label="${wordsOf(language).shell.account}"]`, 'nav', 'h1']) places[language].push(await middleOf(page, selector));
        await context.close();
      }
      places.he.forEach((x, index) => {
        // The frame's pieces are as wide in both languages, words are not: they begin at the same side of their box.
        expect(Math.abs(width - x - (places.en[index] ?? Number.NaN)), `${index}`).toBeLessThan(index === 0 || index === 3 ? width / 4 : NEAR_PX);
      });
    });

    it('arrows turn about and sound does not; tables begin, and messages appear, at the side that reading says', async () => {
      for (const language of LANGUAGES) {
        const isHebrew = language === 'he';
        const words = wordsOf(language);
        const { context, page } = await signedIn(world(), 1280, language);
        await open(page, '/calendar');
        const before = page.getByRole('button', { name: words.calendar.before });
        const after = page.getByRole('button', { name: words.calendar.after });
        const x = async (what: typeof before) => (await what.boundingBox())?.x ?? Number.NaN;
        expect((await x(before)) > (await x(after))).toBe(isHebrew);
        const turned = await after.or(before).locator('span:has(> svg)').first().evaluate((arrow) => getComputedStyle(arrow).transform);
        const straight = ['none', 'matrix(1, 0, 0, 1, 0, 0)'];
        const mirrored = 'matrix(-1, 0, 0, 1, 0, 0)';
        expect(isHebrew ? turned === mirrored : straight.includes(turned), turned).toBe(true);
        await open(page, (await screens(world()))['call'] ?? '');
        expect(await page.getByTestId('recording').evaluate((player) => getComputedStyle(player).direction)).toBe('ltr');
        await open(page, '/leads');
        const heads = page.getByRole('columnheader');
        expect((await x(heads.first())) > (await x(heads.last()))).toBe(isHebrew);
        await page.getByTestId('lead-row').first().getByTestId('lead-delete').click();
        await page.getByTestId('lead-delete-confirm').click();
        const toast = page.getByTestId('undo-toast');
        await toast.waitFor();
        expect((await x(toast)) < 640).toBe(isHebrew);
        await toast.getByRole('button').first().click();
        await toast.waitFor({ state: 'detached' });
        await context.close();
      }
    });

    it('a phone number is typed from the left in both languages', async () => {
      for (const language of LANGUAGES) {
        const { context, page } = await signedIn(world(), 375, language);
        await open(page, '/leads');
        await page.getByRole('button', { name: wordsOf(language).leads.add }).click();
        const field = page.getByRole('dialog').locator('[name=phone]');
        expect(await field.evaluate((input) => getComputedStyle(input).direction)).toBe('ltr');
        await context.close();
      }
    });
  });

  describe('the keyboard', () => {
    it('signs in, skips to the content, opens the menu and gives the focus back', async () => {
      const { context, page } = await visitor(world(), 1280, 'he');
      await open(page, '/sign-in');
      await page.locator('[name=email]').focus();
      await page.keyboard.type(OWNER.email);
      await page.keyboard.press('Tab');
      await page.keyboard.type(OWNER.password);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'היום', level: 1 }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'היום', level: 1 }).waitFor();
      await page.keyboard.press('Tab');
      expect(await focused(page)).toContain('#content');
      const skip = await page.locator(':focus').boundingBox();
      expect(skip?.y).toBeGreaterThanOrEqual(0);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'content');
      const account = page.getByRole('button', { name: 'חשבון' });
      await account.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem').first().waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
      await expect.poll(() => account.evaluate((button) => button === document.activeElement)).toBe(true);
      await context.close();
    });

    it('a window keeps the focus inside and gives it back; nothing is deleted by escaping', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/leads');
      const remove = page.getByTestId('lead-delete').first();
      await remove.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      for (let step = 0; step < 8; step += 1) {
        await page.keyboard.press('Tab');
        expect(await dialog.evaluate((window) => window.contains(document.activeElement)), await focused(page)).toBe(true);
      }
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await expect.poll(() => remove.evaluate((button) => button === document.activeElement)).toBe(true);
      expect(await page.getByTestId('undo-toast').count()).toBe(0);
      await context.close();
    });

    it('moves a lead to another stage of the board without a mouse', async () => {
      const { id } = await world().ask<{ id: string }>('POST', '/api/crm/leads', { name: 'ליד מקלדת', phone: '03-123-4595' });
      const { context, page } = await signedIn(world(), 1280, 'he');
      await open(page, '/leads?view=board');
      const card = page.locator(`[data-testid=board-card][data-lead-id="${id}"]`);
      await card.getByTestId('move-to').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem').first().waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      const chosen = await page.locator(':focus').textContent();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
      const stages = await world().ask<{ data: { id: string; name: string }[] }>('GET', '/api/crm/stages');
      const named = wordsOf('he').stage as Record<string, string>;
      await expect
        .poll(async () => {
          const { stage_id } = await world().ask<{ stage_id: string }>('GET', `/api/crm/leads/${id}`);
          const name = stages.data.find((stage) => stage.id === stage_id)?.name ?? '';
          return named[name] ?? name;
        })
        .toBe(chosen);
      await context.close();
    });

    it.each(LANGUAGES)('whatever can be reached is seen to be, and axe finds nothing serious in an open window, %s', async (language) => {
      const wrong: string[] = [];
      const words = wordsOf(language);
      const { context, page } = await signedIn(world(), 1280, language);
      const windows: [string, string][] = [
        ['/leads', words.leads.add],
        ['/tasks', words.tasks.add],
        ['/calendar', words.calendar.add],
        ['/deals', words.deals.add],
        ['/payments', words.payments.add],
        ['/users', words.users.invite],
        ['/privacy', words.privacy.add],
        ['/profile', words.profile.changePassword],
      ];
      for (const [path, button] of windows) {
        await open(page, path);
        await page.getByRole('main').getByRole('button', { name: button }).first().click();
        await page.getByRole('dialog').waitFor();
        wrong.push(...(await findings(page)).map((what) => `${path}: ${what}`));
      }
      for (const path of ['/', '/leads', '/inbox', OPEN_SCREENS['sign-in'] ?? '']) {
        await open(page, path);
        for (let step = 0; step < 12; step += 1) {
          await page.keyboard.press('Tab');
          const unseen = await page.evaluate(() => {
            const active = document.activeElement;
            if (!active || active === document.body) return null;
            // The ring may be drawn on what stands for it, such as the label of a radio button.
            const near = [active, active.nextElementSibling, active.parentElement].filter((one) => one !== null);
            const isSeen = near.some((one) => {
              const style = getComputedStyle(one);
              return (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none' || /INPUT|TEXTAREA|SELECT/.test(one.tagName);
            });
            return isSeen ? null : active.outerHTML.slice(0, 140);
          });
          if (unseen !== null) wrong.push(`${path}: no ring: ${unseen}`);
        }
      }
      expect([...new Set(wrong)]).toEqual([]);
      await context.close();
    }, 180_000);
  });
}
