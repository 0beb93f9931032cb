import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { type World, open, signedIn } from './world';

const KEYS = { p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4', auth: 'BTBZMqHH6r4Tts7J_aSIgg' };

/** The switch of the page, which the server and the browser have to agree on. */
const state = (page: Page, word: string) => page.locator(`[data-testid=push-state][data-state=${word}]`);

/** A push service that takes every browser: the real one is on the internet, where no test goes. */
async function withPushService(context: BrowserContext, endpoint: string): Promise<void> {
  await context.addInitScript(
    ({ endpoint, keys }) => {
      const kept = () => localStorage.getItem('test-subscription') !== null;
      const made = (key: BufferSource | null) => ({ options: { applicationServerKey: key }, toJSON: () => ({ endpoint, keys }), unsubscribe: () => Promise.resolve(localStorage.removeItem('test-subscription')).then(() => true) });
      PushManager.prototype.getSubscription = () => Promise.resolve((kept() ? made(null) : null) as never);
      PushManager.prototype.subscribe = (options) => {
        localStorage.setItem('test-subscription', '1');
        return Promise.resolve(made((options?.applicationServerKey ?? null) as never) as never);
      };
    },
    { endpoint, keys: KEYS },
  );
}

/** Notifications on a device: the switch and the worker. That a push service delivers is not driven here. */
export function pushCases(world: () => World) {
  const devices = async () => (await world().ask<{ data: unknown[] }>('GET', '/api/push/subscriptions')).data.length;

  describe('notifications on this device', () => {
    it('are switched on by a tap, hold over a reload, and end with the sign-out', async () => {
      const before = await devices();
      const { context, page } = await signedIn(world(), 375, 'he');
      await withPushService(context, 'https://push.example.com/send/console');
      // Headless Chromium says no by itself, and asks nobody.
      await context.grantPermissions(['notifications']);
      await open(page, '/profile');
      await state(page, 'off').waitFor();
      await page.getByTestId('push-switch').click({ force: true });
      await state(page, 'on').waitFor();
      expect(await devices()).toBe(before + 1);
      // At the next start it is still on, and told anew.
      await page.reload();
      await state(page, 'on').waitFor();
      expect(await devices()).toBe(before + 1);
      await page.getByRole('button', { name: 'חשבון' }).click();
      await page.getByRole('menuitem', { name: 'יציאה' }).click();
      await page.waitForURL(/\/sign-in$/);
      expect(await devices()).toBe(before);
      expect(await page.evaluate(() => [localStorage.getItem('prosaas-push'), localStorage.getItem('test-subscription')])).toEqual([null, null]);
      await context.close();
    });

    it('say in words that the browser does not allow them, or has none', async () => {
      const { context, page } = await signedIn(world(), 1280, 'en');
      await page.addInitScript(() => Object.defineProperty(Notification, 'permission', { get: () => 'denied' }));
      await open(page, '/profile');
      await state(page, 'blocked').getByText(/Blocked in the browser/).waitFor();
      expect(await page.getByTestId('push-switch').isDisabled()).toBe(true);
      const bare = await context.newPage();
      await bare.addInitScript(() => Reflect.deleteProperty(globalThis, 'PushManager'));
      await open(bare, '/profile');
      await state(bare, 'unsupported').waitFor();
      await context.close();
    });

    it('a message shows what it says, in the direction of its language', async () => {
      const { context, page } = await signedIn(world(), 1280, 'he');
      await context.grantPermissions(['notifications']);
      await open(page, '/');
      await page.evaluate(async () => {
        await navigator.serviceWorker.register('/push-worker.js');
        await navigator.serviceWorker.ready;
      });
      // The browser's own tools deliver it, where a push service would.
      const tools = await context.newCDPSession(page);
      const registration = new Promise<string>((found) => {
        tools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
          const [ours] = registrations.filter(({ isDeleted }) => !isDeleted);
          if (ours) found(ours.registrationId);
        });
      });
      await tools.send('ServiceWorker.enable');
      const told = { title: 'אינסטלציה לוי: שיחה שלא נענתה', body: 'מהמספר +972*****4567', lang: 'he', tag: 'call_1', url: '/calls/call_1' };
      await tools.send('ServiceWorker.deliverPushMessage', { origin: world().origin, registrationId: await registration, data: JSON.stringify(told) });
      const shown = () =>
        page.evaluate(async () => {
          const worker = await navigator.serviceWorker.ready;
          return (await worker.getNotifications()).map(({ title, body, dir, data }) => ({ title, body, dir, data: data as unknown }));
        });
      await expect.poll(shown).toEqual([{ title: told.title, body: told.body, dir: 'rtl', data: { path: told.url } }]);
      await context.close();
    });

    it('the worker lives with the policy of the console, and answers no request of it', async () => {
      const { context, page } = await signedIn(world(), 1280, 'en');
      await open(page, '/');
      const began = await page.evaluate(async () => {
        await navigator.serviceWorker.register('/push-worker.js');
        const { active } = await navigator.serviceWorker.ready;
        return { script: active?.scriptURL, caches: (await caches.keys()).length };
      });
      expect(began).toEqual({ script: `${world().origin}/push-worker.js`, caches: 0 });
      const [asked] = await Promise.all([page.waitForResponse((response) => response.url().includes('/api/auth/me')), page.reload()]);
      expect(asked.fromServiceWorker()).toBe(false);
      await context.close();
    });
  });

  describe('a phone of one\'s own', () => {
    it('is entered as people write it, and a special number is refused in words', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/profile');
      const field = page.getByTestId('own-phone');
      await field.fill('1-900-555-1234');
      await page.getByTestId('own-phone-save').click();
      await page.getByText('זה לא טלפון רגיל').waitFor();
      await field.fill('050-234-5678');
      await page.getByTestId('own-phone-save').click();
      await page.getByText('נשמר').first().waitFor();
      expect(await world().ask('GET', '/api/calls/own-phone')).toEqual({ number: '+972502345678' });
      await context.close();
    });
  });
}
