import { describe, expect, it } from 'vitest';

import { startLinked } from './linked';
import { type World, open, signedIn, until } from './world';

const CUSTOMER = '972501234567';
const NAME = 'דנה';
const QUESTION = 'שלום, אתם עובדים גם בקריות?';
const ANSWER = 'היי דנה, כאן דנה לוי. אנחנו מגיעים גם לקריות.';

/** Linking and chatting with nothing in between played: the browser, the server, the shipped sidecar, and a WhatsApp on this machine. */
export function linkedCases(world: () => World) {
  describe('a WhatsApp on this machine', () => {
    it('is linked by the code on the screen; its customer is answered by the agent, and then by a person', async () => {
      const linked = await startLinked(world());
      try {
        const desk = await signedIn(linked.world, 1280, 'he');
        await open(desk.page, '/whatsapp');
        await desk.page.getByTestId('wa-show-qr').click();
        await desk.page.getByTestId('wa-qr').waitFor();
        // What a phone's camera would read.
        const { qr } = (await (await desk.context.request.get('/api/wa/qr')).json()) as { qr: string };
        await linked.act('scan', { qr, phone: linked.account, name: 'דקל חשמל' });
        await desk.page.locator('[data-testid=wa-state][data-state=ready]').waitFor();
        await desk.page.getByText('03-123-4567').waitFor();
        await desk.context.close();

        const phone = await signedIn(linked.world, 375, 'he');
        await open(phone.page, '/inbox');
        await linked.act('write', { account: linked.account, customer: CUSTOMER, name: NAME, text: QUESTION });
        const row = phone.page.getByTestId('conversation-row').first();
        await row.waitFor();
        const told = await linked.seen('the answer of the agent', ({ kind, customer }) => kind === 'from_business' && customer === CUSTOMER);
        await row.click();
        const message = (by: string, text: string) => phone.page.locator(`[data-testid=message][data-by=${by}]`).filter({ hasText: text });
        await message('contact', QUESTION).waitFor();
        await message('agent', told.text?.split('\n')[0] ?? 'no words').waitFor();

        await phone.page.getByTestId('take-over').click();
        await phone.page.getByTestId('give-back').waitFor();
        await phone.page.getByTestId('composer').fill(ANSWER);
        await phone.page.getByTestId('send-message').click();
        await linked.seen('the answer of a person', ({ kind, text }) => kind === 'from_business' && text === ANSWER);
        await message('person', ANSWER).waitFor();
        const conversations = () => linked.ask<{ data: { agent_paused: boolean; unread: number }[] }>('GET', '/api/conversations');
        expect((await conversations()).data).toMatchObject([{ agent_paused: true }]);
        await linked.act('write', { account: linked.account, customer: CUSTOMER, name: NAME, text: 'תודה רבה!' });
        await message('contact', 'תודה רבה!').waitFor();
        await until('the thread to have been read', async () => ((await conversations()).data[0]?.unread === 0 ? true : undefined));
        await phone.context.close();
      } finally {
        await linked.stop();
      }
    });
  });
}
