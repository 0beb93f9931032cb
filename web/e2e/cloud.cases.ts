import { describe, expect, it } from 'vitest';

import { NO_NUMBER, standIn } from './chat';
import { findings, overflow, small } from './checks';
import { type World, open, signedIn } from './world';

const NUMBER = { phone_number_id: '106540352242922', account_id: '102290129340398', has_token: true, is_on: false, last_webhook_at: null };
const REFUSALS = [
  [190, 'Meta דוחה את אסימון הגישה'],
  [10, 'אין הרשאה למספר הזה'],
  [100, 'לא מכירה את מזהה המספר'],
  [368, 'Meta עצרה את המספר'],
  [999, 'Meta לא קיבלה את המספר'],
] as const;

/** A number at Meta. Meta itself is played by the stand-in; `whatsapp_cloud.rs` has the server against a fake of Meta's API. */
export function cloudCases(world: () => World) {
  describe('a number at Meta', () => {
    it('is entered, switched on, off, and taken away; its token is shown nowhere', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      const stand = await standIn(context);
      stand.link = { state: 'unlinked' };
      const bodies = (what: string) => stand.asked.filter((one) => one.what === what).map(({ body }) => body);
      const state = (which: string) => page.locator(`[data-testid=wa-cloud-state][data-state=${which}]`).waitFor();
      await open(page, '/whatsapp');
      await page.getByText('מספר אצל Meta', { exact: true }).click();
      await state('none');
      expect(await small(page, 'main [class*=SegmentedControl-label], [data-testid=wa-cloud-save], code + button, [name=phone_number_id], [name=account_id]')).toEqual([]);
      await page.getByLabel('מזהה מספר הטלפון').fill(NUMBER.phone_number_id);
      await page.getByLabel('מזהה החשבון').fill(NUMBER.account_id);
      const token = page.getByLabel('אסימון גישה', { exact: false }).first();
      await token.fill('EAAG-secret-of-meta');
      await page.getByTestId('wa-cloud-save').click();
      await state('off');
      expect(bodies('PUT /api/wa/cloud')).toEqual([{ phone_number_id: NUMBER.phone_number_id, account_id: NUMBER.account_id }]);
      expect(bodies('PUT /api/business/secrets/whatsapp_cloud_token')).toEqual([{ value: 'EAAG-secret-of-meta' }]);
      expect(await token.inputValue()).toBe('');
      expect(await page.content()).not.toContain('EAAG-secret-of-meta');
      await page.getByTestId('wa-cloud-on').click();
      await state('silent');
      await page.getByText(`${world().origin}/webhook/whatsapp`).waitFor();
      await page.getByTestId('wa-cloud-off').click();
      await state('off');
      await page.getByTestId('wa-cloud-remove').click();
      await page.getByTestId('wa-cloud-remove-confirm').click();
      await state('none');
      expect(await page.getByLabel('מזהה מספר הטלפון').inputValue()).toBe('');
      await context.close();
    });

    it('what Meta refuses is said in words, and stays on the screen', async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      const stand = await standIn(context);
      for (const [code, words] of REFUSALS) {
        stand.cloud = { ...NUMBER, refuses: code };
        await open(page, '/whatsapp');
        await page.getByTestId('wa-cloud-on').click();
        await page.getByRole('alert').getByText(words).waitFor();
      }
      await context.close();
    });

    it.each(['he', 'en'] as const)('every state is said in words and nothing sticks out, %s', async (language) => {
      const { context, page } = await signedIn(world(), 375, language);
      const stand = await standIn(context);
      const wrong: string[] = [];
      const states = { no_token: { ...NUMBER, has_token: false }, off: NUMBER, silent: { ...NUMBER, is_on: true }, on: { ...NUMBER, is_on: true, last_webhook_at: new Date().toISOString() } };
      for (const [state, cloud] of Object.entries(states)) {
        stand.cloud = cloud;
        await open(page, '/whatsapp');
        await page.locator(`[data-testid=wa-cloud-state][data-state=${state}]`).waitFor();
        wrong.push(...(await findings(page)), ...(await overflow(page)));
      }
      expect(wrong).toEqual([]);
      await context.close();
    });

    it('who is no owner sees where it stands, and is asked for nothing', async () => {
      const manager = await world().addColleague('meta-manager@levi.example', 'מנהל', 'manager');
      const { context, page } = await signedIn(world(), 375, 'he', false, manager);
      const stand = await standIn(context);
      stand.cloud = { ...NUMBER, is_on: true };
      await open(page, '/whatsapp');
      await page.locator('[data-testid=wa-cloud-state][data-state=silent]').waitFor();
      expect(await page.getByTestId('wa-cloud-save').count()).toBe(0);
      expect(stand.asked.filter(({ what }) => what === 'GET /api/wa/cloud')).toEqual([]);
      stand.cloud = NO_NUMBER;
      await open(page, '/whatsapp');
      expect(await page.getByText('מספר אצל Meta', { exact: true }).count()).toBe(0);
      await context.close();
    });
  });
}
