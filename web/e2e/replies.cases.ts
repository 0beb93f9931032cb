import { describe, expect, it } from 'vitest';

import { standIn } from './chat';
import { findings, overflow, small } from './checks';
import { type World, open, signedIn } from './world';

/** Replies that are kept ready, and the room for files: the real server, beside messages that a stand-in has. */
export function repliesCases(world: () => World) {
  describe('canned replies', () => {
    it('are written down by who manages, and found by a slash', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await standIn(context);
      await open(page, '/whatsapp');
      await page.getByTestId('reply-add').click();
      await page.getByLabel('קיצור').fill('/שעות');
      await page.getByLabel('נוסח').fill('שלום {name}, {business} פתוח מ־9 עד 17.');
      await page.getByTestId('reply-save').click();
      await page.getByTestId('reply-row').filter({ hasText: '/שעות' }).waitFor();
      expect([...(await findings(page)), ...(await overflow(page))]).toEqual([]);
      // The same word once more is refused, in words.
      await page.getByTestId('reply-add').click();
      await page.getByLabel('קיצור').fill('שעות');
      await page.getByLabel('נוסח').fill('אחר');
      await page.getByTestId('reply-save').click();
      await page.getByRole('alert').getByText('יש אותו קיצור').waitFor();
      await page.keyboard.press('Escape');
      await open(page, '/inbox?c=conv_ruth');
      const composer = page.getByTestId('composer');
      await composer.pressSequentially('/ש');
      const option = page.getByTestId('reply-option');
      await option.filter({ hasText: '/שעות' }).waitFor();
      expect(await small(page, '[data-testid=reply-option]')).toEqual([]);
      // It is shown as it will be sent.
      expect(await option.first().textContent()).toContain('שלום Ruth Bar-On, ');
      expect([...(await findings(page)), ...(await overflow(page))]).toEqual([]);
      expect(await composer.getAttribute('aria-activedescendant')).toBe(await option.first().getAttribute('id'));
      await page.keyboard.press('Enter');
      await expect.poll(() => composer.inputValue()).toContain('שלום Ruth Bar-On, ');
      expect(await composer.inputValue()).not.toContain('{');
      expect(await page.getByTestId('reply-list').count()).toBe(0);
      await context.close();
    });

    it('by the keyboard alone: the arrows choose, Escape leaves what was typed, a mouse works too', async () => {
      for (const shortcut of ['first', 'firm']) await world().ask('POST', '/api/wa/replies', { shortcut, text: `The ${shortcut} one` });
      const { context, page } = await signedIn(world(), 1280, 'en');
      await standIn(context);
      await open(page, '/inbox?c=conv_ruth');
      const composer = page.getByTestId('composer');
      await composer.pressSequentially('Hi. /fi');
      const chosen = page.locator('[data-testid=reply-option][aria-selected=true]');
      await chosen.filter({ hasText: '/firm' }).waitFor();
      await page.keyboard.press('ArrowDown');
      await chosen.filter({ hasText: '/first' }).waitFor();
      await page.getByRole('status').filter({ hasText: '2 canned replies' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByTestId('reply-list').waitFor({ state: 'detached' });
      expect(await composer.inputValue()).toBe('Hi. /fi');
      await composer.fill('');
      await composer.pressSequentially('/fir');
      await page.getByTestId('reply-option').filter({ hasText: '/first' }).click();
      await expect.poll(() => composer.inputValue()).toBe('The first one');
      expect(await composer.evaluate((field) => document.activeElement === field)).toBe(true);
      await context.close();
    });

    it('who answers reads them and changes none; one that is deleted is gone', async () => {
      const { data } = await world().ask<{ data: { id: string; shortcut: string }[] }>('GET', '/api/wa/replies');
      const agent = await world().addColleague('replies-agent@levi.example', 'נציגה', 'agent');
      const reader = await signedIn(world(), 375, 'he', false, agent);
      await standIn(reader.context);
      await open(reader.page, '/whatsapp');
      await reader.page.getByTestId('reply-row').first().waitFor();
      expect(await reader.page.getByTestId('reply-add').count()).toBe(0);
      expect(await reader.page.getByTestId('reply-delete').count()).toBe(0);
      await reader.context.close();
      const { context, page } = await signedIn(world(), 375, 'he');
      await standIn(context);
      await open(page, '/whatsapp');
      const row = page.getByTestId('reply-row').filter({ hasText: `/${data[0]?.shortcut}` });
      await row.getByTestId('reply-delete').click();
      await page.getByTestId('reply-delete-confirm').click();
      await row.waitFor({ state: 'detached' });
      await context.close();
    });
  });

  describe('the room for files', () => {
    it('is shown with its limit, which the owner changes', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/agent');
      const used = page.getByTestId('storage-used');
      await used.getByText('מתוך 5.0 GB').waitFor();
      expect(await used.getAttribute('data-state')).toBe('plenty');
      const limit = page.getByLabel('הכמות המרבית, ב־GB');
      await limit.fill('הרבה');
      await page.getByTestId('storage-save').click();
      await page.getByText('הערך לא תקין').first().waitFor();
      await limit.fill('0');
      await page.getByTestId('storage-save').click();
      await page.locator('[data-testid=storage-used][data-state=full]').waitFor();
      expect([...(await findings(page)), ...(await overflow(page))]).toEqual([]);
      await page.getByLabel('הכמות המרבית, ב־GB').fill('5');
      await page.getByTestId('storage-save').click();
      await page.locator('[data-testid=storage-used][data-state=plenty]').waitFor();
      await context.close();
    });
  });
}
