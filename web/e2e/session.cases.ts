import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { type World, open, signedIn } from './world';

/** A customer of the owner's. */
const CUSTOMER = 'משה כהן';

async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'חשבון' }).click();
  await page.getByRole('menuitem', { name: 'יציאה' }).click();
}

/** Whether anything in the page names the customer: what is shown, what is hidden, and the title of the tab. */
function names(page: Page): Promise<boolean> {
  return page.evaluate((name) => document.documentElement.outerHTML.includes(name), CUSTOMER);
}

/** The browser keeps the page for its back button, as if somebody went on to another site. */
const setAside = (page: Page) => page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
const bringBack = (page: Page) => page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
const isHidden = (page: Page) => page.evaluate(() => document.body.hidden);

/** Who has left sees nothing any more, at once and everywhere. */
export function sessionCases(world: () => World) {
  describe('leaving', () => {
    it('signing out empties the screen before the sign-in has come, and the other tab with it', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      const other = await context.newPage();
      for (const tab of [page, other]) {
        await open(tab, '/leads');
        await tab.getByText(CUSTOMER).first().waitFor();
        expect(await names(tab)).toBe(true);
      }
      // Written down by the page itself, the moment its screen changes: before the next page is asked for.
      await page.evaluate((name) => {
        new MutationObserver(() => {
          if (!document.querySelector('[data-testid=leaving]')) return;
          sessionStorage.setItem('left', JSON.stringify({ path: location.pathname, isNamed: document.documentElement.outerHTML.includes(name) }));
        }).observe(document, { subtree: true, childList: true });
      }, CUSTOMER);
      await signOut(page);
      await other.waitForURL(/\/sign-in/);
      await other.locator('[name=email]').waitFor();
      expect(await names(other)).toBe(false);
      await page.waitForURL(/\/sign-in$/);
      await page.locator('[name=email]').waitFor();
      expect(await page.evaluate(() => sessionStorage.getItem('left'))).toBe(JSON.stringify({ path: '/leads', isNamed: false }));
      expect(await names(page)).toBe(false);
      for (const tab of [page, other]) {
        await tab.goto('/leads');
        await tab.waitForURL(/\/sign-in\?to=/);
        expect(await names(tab)).toBe(false);
      }
      await context.close();
    });

    it('a page that the browser kept is shown again to whom it belongs, and to nobody else', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/leads');
      await page.getByText(CUSTOMER).first().waitFor();
      await setAside(page);
      expect(await isHidden(page)).toBe(true);
      await bringBack(page);
      await expect.poll(() => isHidden(page)).toBe(false);
      await page.getByText(CUSTOMER).first().waitFor();
      await setAside(page);
      await context.clearCookies();
      // From here on, nothing may be seen until the sign-in is there.
      await bringBack(page);
      await page.waitForURL(/\/sign-in\?to=/);
      await page.locator('[name=email]').waitFor();
      expect(await names(page)).toBe(false);
      await context.close();
    });

    it('a session that is ended from another browser ends here too without a touch, and the way back is kept', async () => {
      const avi = await world().addColleague('leaver@levi.example', 'Avi Leaver', 'manager');
      const { context, page } = await signedIn(world(), 375, 'he', false, avi);
      await open(page, '/leads');
      await page.getByText(CUSTOMER).first().waitFor();
      const ask = await world().askAs(avi);
      await ask('POST', '/api/auth/sessions/revoke-others');
      await page.waitForURL(/\/sign-in\?to=%2Fleads$/);
      await page.locator('[name=email]').waitFor();
      expect(await names(page)).toBe(false);
      await page.fill('[name=email]', avi.email);
      await page.fill('[name=password]', avi.password);
      await page.click('button[type=submit]');
      await page.waitForURL(/\/leads$/);
      await context.close();
    });

    it('acting for a business begins and ends in every tab at once', async () => {
      const admin = await world().addAdmin('two.tabs@installation.example');
      const { context, page } = await signedIn(world(), 1280, 'he', false, admin);
      const other = await context.newPage();
      await open(other, '/system');
      await open(page, '/system');
      const row = page.getByTestId('business-row').filter({ hasText: 'לוי אינסטלציה' });
      await row.getByRole('button', { name: 'פעולה בשם העסק' }).click();
      await page.getByRole('dialog').getByLabel('סיבה').fill('בדיקה בשתי לשוניות');
      await page.getByRole('dialog').getByRole('button', { name: 'התחלה' }).click();
      for (const tab of [page, other]) await tab.getByText('פעולה בשם העסק עד').waitFor();
      await open(page, '/leads');
      await page.getByText(CUSTOMER).first().waitFor();
      await other.getByRole('button', { name: 'סיום' }).click();
      await page.getByText('פעולה בשם העסק עד').waitFor({ state: 'detached' });
      await page.waitForURL((url) => url.pathname === '/');
      expect(await names(page)).toBe(false);
      await context.close();
    });
  });
}
