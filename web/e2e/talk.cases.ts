import { describe, expect, it } from 'vitest';

import { type World, open, signedIn } from './world';

/** How long a turn of the talk may take: it is spoken. */
const SPOKEN_MS = 45_000;

/** Talking to the agent from the browser. */
export function talkCases(world: () => World) {
  const calls = async () => (await world().ask<{ data: { id: string }[] }>('GET', '/api/calls?limit=200')).data.length;
  const leads = async () => (await world().ask<{ data: { id: string }[] }>('GET', '/api/crm/leads?limit=200')).data.length;

  describe('talking to the agent', () => {
    it('goes from the microphone to what both said, and leaves no call and no lead', async () => {
      const before = [await calls(), await leads()];
      const browser = await world().withMicrophone();
      const { page } = await signedIn({ ...world(), browser }, 375, 'he');
      await open(page, '/agent');
      const phase = (word: string) => page.locator(`[data-testid=talk-state][data-phase=${word}]`);
      const said = (speaker: string) => page.locator(`[data-testid=talk-line][data-speaker=${speaker}]`).first();
      await page.getByTestId('talk-start').click();
      await phase('talking').waitFor();
      // A line of the agent is there once the page said that it was heard.
      await said('agent').waitFor({ timeout: SPOKEN_MS });
      await said('caller').filter({ hasText: 'דנה לוי' }).waitFor({ timeout: SPOKEN_MS });
      for (const button of [page.getByTestId('talk-mute'), page.getByTestId('talk-hang-up')]) {
        const box = await button.boundingBox();
        expect(box?.width).toBeGreaterThanOrEqual(44);
        expect(box?.height).toBeGreaterThanOrEqual(44);
      }
      await page.getByTestId('talk-mute').click();
      await page.getByRole('button', { name: 'הפעלת המיקרופון', pressed: true }).waitFor();
      await page.getByTestId('talk-hang-up').click();
      await phase('ended').getByText('השיחה נותקה מכאן.').waitFor();
      await page.getByTestId('talk-start').getByText('שיחה נוספת').waitFor();
      expect([await calls(), await leads()]).toEqual(before);
      await browser.close();
    }, 150_000);

    it('says in words that there is no microphone for it', async () => {
      const { context, page } = await signedIn(world(), 1280, 'en');
      await open(page, '/agent');
      await page.getByTestId('talk-start').click();
      const state = page.locator('[data-testid=talk-state][data-phase=ended]');
      await state.getByText(/microphone/).waitFor();
      expect(await state.getAttribute('data-why')).toMatch(/^(refused|no_microphone)$/);
      await context.close();
    });
  });
}
