import { describe, expect, it } from 'vitest';

import { overflow, small } from './checks';
import { type World, open, signedIn, until } from './world';

/** What is set up and looked after once in a while. */
export function officeCases(world: () => World) {
  describe('the office', () => {
    it('two leads become one after a look, and two again', async () => {
      const make = (name: string, phone: string) => world().ask<{ id: string }>('POST', '/api/crm/leads', { name, phone });
      const stays = await make('גלית אורן', '03-123-4580');
      const goes = await make('גלית אורן מהעבודה', '03-123-4581');
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, `/leads/${stays.id}`);
      await page.getByRole('button', { name: 'פעולות' }).click();
      await page.getByRole('menuitem', { name: 'מיזוג עם ליד אחר' }).click();
      await page.getByPlaceholder('חיפוש לפי שם או טלפון').fill('גלית אורן');
      // The lead itself is not offered.
      const found = page.getByRole('dialog').locator('li button');
      await found.getByText('גלית אורן מהעבודה').click();
      await page.getByRole('dialog').locator('dd').getByText('03-123-4581').waitFor();
      await page.getByRole('button', { name: 'מיזוג', exact: true }).click();
      await page.getByText('הלידים מוזגו').waitFor();
      const phones = async () => (await world().ask<{ identities: { value: string }[] }>('GET', `/api/crm/leads/${stays.id}`)).identities.length;
      expect(await phones()).toBe(2);
      await page.getByRole('button', { name: 'ביטול הפעולה' }).click();
      await until('the merge to be undone', async () => ((await phones()) === 1 ? true : undefined));
      expect((await world().ask<{ id: string }>('GET', `/api/crm/leads/${goes.id}`)).id).toBe(goes.id);
      await context.close();
    });

    it('the audit log says which lead somebody threw away, and leads to it once it is back', async () => {
      const { ask } = world();
      const lead = await ask<{ id: string; version: number }>('POST', '/api/crm/leads', { name: 'יעל שמש', phone: '03-123-4597' });
      await ask('DELETE', `/api/crm/leads/${lead.id}`, undefined, lead.version);
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/audit');
      const entry = page.locator('[data-testid=audit-entry][data-action="lead.deleted"]', { hasText: 'יעל שמש' });
      await entry.first().waitFor();
      // It lies in the trash, where it cannot be opened.
      expect(await entry.first().locator('a').count()).toBe(0);
      await ask('POST', `/api/crm/leads/${lead.id}/restore`);
      await page.reload();
      await entry.first().getByRole('link', { name: 'יעל שמש' }).click();
      await page.waitForURL(`**/leads/${lead.id}`);
      await context.close();
    });

    it('a board that a filter empties says so, and fills again', async () => {
      const { context, page } = await signedIn(world(), 1280, 'he');
      await open(page, '/leads?view=board&q=zzzz');
      await page.getByRole('button', { name: 'ניקוי הסינון' }).click();
      await page.getByTestId('board-card').first().waitFor();
      expect(page.url()).not.toContain('zzzz');
      await context.close();
    });

    it('what another program missed is sent again by the hour, from a phone', async () => {
      const webhook = await world().ask<{ id: string }>('POST', '/api/webhooks', { url: 'https://hook.prosaas-test.com/prosaas', events: ['lead.created'] });
      await world().ask('POST', '/api/crm/leads', { name: 'אייל נבו', phone: '03-123-4590' });
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/connections');
      await page.getByRole('button', { name: 'מה נשלח' }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('lead.created').first().waitFor();
      expect(await overflow(page)).toEqual([]);
      expect(await small(page, '[role=dialog] input[type=datetime-local], [role=dialog] button')).toEqual([]);
      const asked = page.waitForRequest((request) => request.url().endsWith(`/api/webhooks/${webhook.id}/deliveries/replay`));
      await dialog.getByTestId('webhook-send-again').click();
      const { from, until: end, state } = (await asked).postDataJSON() as { from: string; until: string; state?: string };
      expect([Date.parse(end) - Date.parse(from), state]).toEqual([86_460_000, 'dead']);
      // It is still on its way: nothing has failed for good.
      await page.getByText('אין מה לשלוח שוב').waitFor();
      await context.close();
    });

    it('what happens when all lines are taken is set on a phone, with what is wrong said at its field, and read back', async () => {
      const { working_in: business } = await world().ask<{ working_in: string }>('GET', '/api/auth/me');
      const stored = async () => (await world().ask<{ data: Record<string, unknown>[] }>('GET', `/api/businesses/${business}/numbers`)).data[0];
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/connections');
      const edit = page.getByTestId('when-full-edit').first();
      await edit.click();
      const dialog = page.getByRole('dialog');
      const lines = dialog.getByLabel('כמה שיחות אפשר לקבל בו־זמנית');
      const then = dialog.getByLabel('מה קורה לשיחה נוספת');
      const phone = dialog.getByLabel('הטלפון שמצלצל');
      const save = dialog.getByTestId('when-full-save');
      await lines.fill('many');
      await then.selectOption('overflow');
      await save.click();
      await dialog.getByText('צריך מספר שלם').waitFor();
      await lines.fill('2');
      await save.click();
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      // What only the API can say is said at the field as well.
      await phone.fill('12');
      const refused = page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.status() >= 400);
      await save.click();
      await refused;
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      expect(await small(page, '[role=dialog] input, [role=dialog] select, [role=dialog] button, [data-testid=when-full-edit]')).toEqual([]);
      expect(await overflow(page)).toEqual([]);
      await phone.fill('050-765-4321');
      await save.click();
      await page.getByTestId('when-full').first().getByText('שתי שיחות בו־זמנית').waitFor();
      await page.getByTestId('when-full').first().getByText('050-765-4321').waitFor();
      expect(await stored()).toMatchObject({ max_live_calls: 2, when_full: 'overflow', overflow_number: '+972507654321' });
      await page.reload();
      await edit.click();
      expect([await lines.inputValue(), await then.inputValue(), await phone.inputValue()]).toEqual(['2', 'overflow', '050-765-4321']);
      // And back to how it was.
      await lines.fill('');
      await then.selectOption('call_back');
      await save.click();
      await page.getByTestId('when-full').first().getByText('לפי הגדרת העסק').waitFor();
      expect(await stored()).toMatchObject({ max_live_calls: null, when_full: 'call_back' });
      await context.close();
    });

    it('who answers a number is set on a phone, with the phone that rings first, and read back', async () => {
      const { working_in: business } = await world().ask<{ working_in: string }>('GET', '/api/auth/me');
      const stored = async () => (await world().ask<{ data: Record<string, unknown>[] }>('GET', `/api/businesses/${business}/numbers`)).data[0];
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/connections');
      const edit = page.getByTestId('answering-edit').first();
      await edit.click();
      const dialog = page.getByRole('dialog');
      const mode = dialog.getByRole('combobox');
      const phone = dialog.getByLabel('הטלפון שמצלצל');
      const seconds = dialog.getByLabel('כמה שניות לצלצל');
      const save = dialog.getByTestId('answering-save');
      expect(await phone.count()).toBe(0);
      await mode.selectOption('ring_first');
      await save.click();
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      await phone.fill('12');
      await seconds.fill('90');
      await save.click();
      await dialog.getByText('צריך מספר שלם, מ־5 עד 60').waitFor();
      // What only the API can say is said at the field as well.
      await seconds.fill('15');
      const refused = page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.status() >= 400);
      await save.click();
      await refused;
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      expect(await small(page, '[role=dialog] input, [role=dialog] select, [role=dialog] button, [data-testid=answering-edit]')).toEqual([]);
      expect(await overflow(page)).toEqual([]);
      await phone.fill('050-765-4321');
      await save.click();
      await page.getByTestId('answering').first().getByText('050-765-4321').waitFor();
      expect(await stored()).toMatchObject({ answer_mode: 'ring_first', ring_number: '+972507654321', ring_seconds: 15 });
      await page.reload();
      await edit.click();
      expect([await mode.inputValue(), await phone.inputValue(), await seconds.inputValue()]).toEqual(['ring_first', '050-765-4321', '15']);
      // And back to how it was.
      await mode.selectOption('ai_always');
      await save.click();
      await page.getByTestId('answering').first().getByText('תמיד הסוכן').waitFor();
      expect(await stored()).toMatchObject({ answer_mode: 'ai_always' });
      await context.close();
    });

    it('numbers are taken as people write them, and what is none is said at its field', async () => {
      const { working_in: business } = await world().ask<{ working_in: string }>('GET', '/api/auth/me');
      const path = `/api/businesses/${business}/transfer-targets`;
      const targets = async () => (await world().ask<{ data: { label: string; number: string }[] }>('GET', path)).data;
      const before = await targets();
      const { context, page } = await signedIn(world(), 375, 'he');
      const section = (name: string) => page.locator('section').filter({ has: page.getByRole('heading', { name, level: 2, exact: true }) });
      const dialog = page.getByRole('dialog');
      await open(page, '/agent');
      await section('העברת שיחות').getByRole('button', { name: 'הוספה' }).click();
      await dialog.getByLabel('למי').fill('רונית');
      await dialog.getByLabel('טלפון').fill('12');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      await dialog.getByLabel('טלפון').fill('050-765-4321');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await section('העברת שיחות').getByText('050-765-4321').waitFor();
      expect(await targets()).toContainEqual({ label: 'רונית', number: '+972507654321' });
      await world().ask('PUT', path, { targets: before });
      await open(page, '/connections');
      await section('מספרים').getByRole('button', { name: 'הוספה' }).click();
      await dialog.getByLabel('טלפון').fill('12');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await dialog.getByText('צריך מספר טלפון שלם').waitFor();
      // Not added: the business of these tests has one number.
      const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/numbers'));
      await page.route('**/numbers', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
      await dialog.getByLabel('טלפון').fill('03-123-4599');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      expect((await sent).postDataJSON()).toMatchObject({ number: '+97231234599' });
      await context.close();
    });

    it('what is typed in one section of the settings stays while another one is saved, here or by somebody else', async () => {
      const { ask } = world();
      const { working_in: business } = await ask<{ working_in: string }>('GET', '/api/auth/me');
      const path = `/api/businesses/${business}`;
      const stored = () => ask<{ version: number; hours: object; voice: { instructions: string }; missed_call_text: string | null }>('GET', path);
      const before = await stored();
      const { context, page } = await signedIn(world(), 1280, 'he');
      await open(page, '/agent');
      const section = (name: string) => page.locator('section').filter({ has: page.getByRole('heading', { name, level: 2, exact: true }) });
      const instructions = section('מה הסוכן אומר').getByLabel('הנחיות', { exact: true });
      const typed = 'לענות קצר, ולא להבטיח מחיר.';
      await instructions.fill(typed);
      await section('שעות פתיחה').getByLabel('שלישי').fill('10:00-14:00');
      await section('שעות פתיחה').getByRole('button', { name: 'שמירה' }).click();
      await until('the hours to be saved', async () => ((await stored()).version > before.version ? true : undefined));
      await page.getByText('נשמר', { exact: true }).first().waitFor();
      expect(await instructions.inputValue()).toBe(typed);
      // Somebody else saves a third section: what it shows is read again, and nothing else.
      const { version } = await stored();
      await ask('PATCH', path, { missed_call_text: 'נחזור אליך בהקדם.' }, version);
      await expect.poll(() => section('שיחות שלא נענו').getByLabel('נוסח ההודעה').inputValue()).toBe('נחזור אליך בהקדם.');
      expect(await instructions.inputValue()).toBe(typed);
      // And it is saved over what they saved, not refused for it.
      await section('מה הסוכן אומר').getByRole('button', { name: 'שמירה' }).click();
      await until('the instructions to be saved', async () => ((await stored()).voice.instructions === typed ? true : undefined));
      // And back to how it was.
      await ask('PATCH', path, { instructions: before.voice.instructions, missed_call_text: before.missed_call_text }, (await stored()).version);
      await ask('PATCH', `${path}/hours`, { hours: before.hours }, (await stored()).version);
      await context.close();
    });

    it('deleted knowledge comes back by undo, and a key is asked about before it is revoked', async () => {
      const { ask } = world();
      const { working_in: business } = await ask<{ working_in: string }>('GET', '/api/auth/me');
      await ask('POST', `/api/businesses/${business}/knowledge`, { kind: 'question', title: 'יש חניה במקום?', body: 'כן, בחצר.' });
      const { id: key } = await ask<{ id: string }>('POST', '/api/api-keys', { name: 'מפתח לגיבוי', scopes: ['leads:read'] });
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/agent');
      const entry = page.locator('li').filter({ hasText: 'יש חניה במקום?' });
      await entry.getByTestId('knowledge-delete').click();
      await page.getByText('הידע נמחק').waitFor();
      await entry.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'ביטול הפעולה' }).click();
      await entry.waitFor();
      await open(page, '/connections');
      const row = page.locator('li').filter({ hasText: 'מפתח לגיבוי' });
      const revoked = async () => (await ask<{ data: { id: string; revoked_at?: string | null }[] }>('GET', '/api/api-keys')).data.find(({ id }) => id === key)?.revoked_at ?? null;
      await row.getByTestId('key-revoke').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('מפתח לגיבוי').waitFor();
      expect(await small(page, '[role=dialog] button, [data-testid=key-revoke], [data-testid=knowledge-delete]')).toEqual([]);
      await dialog.getByRole('button', { name: 'ביטול', exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
      expect(await revoked()).toBeNull();
      await row.getByTestId('key-revoke').click();
      await dialog.getByTestId('key-revoke-confirm').click();
      await row.getByText('בוטל').waitFor();
      expect(await revoked()).not.toBeNull();
      await context.close();
    });

    it('many leads are changed at once, and deleted ones come back', async () => {
      const make = (name: string, phone: string) => world().ask<{ id: string }>('POST', '/api/crm/leads', { name, phone });
      const both = [await make('Bulk One', '+12025550121'), await make('Bulk Two', '+12025550122')];
      const { context, page } = await signedIn(world(), 1280, 'en');
      await open(page, '/leads?q=Bulk');
      const tick = async () => {
        for (const { id } of both) await page.locator(`[data-testid=lead-row][data-lead-id="${id}"]`).getByRole('checkbox').check();
      };
      await tick();
      await page.getByTestId('bulk-bar').getByRole('button', { name: 'Move to…' }).click();
      await page.getByRole('menuitem', { name: 'Qualified' }).click();
      await page.getByText('2 leads were changed').waitFor();
      await expect.poll(() => page.getByTestId('lead-row').getByText('Qualified').count()).toBe(2);
      await tick();
      await page.getByTestId('bulk-bar').getByRole('button', { name: 'Delete' }).click();
      await page.getByTestId('bulk-delete-confirm').click();
      await page.getByText('Nothing was found').waitFor();
      await page.getByRole('button', { name: 'Undo' }).last().click();
      await expect.poll(() => page.getByTestId('lead-row').count(), { timeout: 15_000 }).toBe(2);
      await context.close();
    });

    it('a tag and a field of the business are made, and a lead carries them', async () => {
      const lead = await world().ask<{ id: string }>('POST', '/api/crm/leads', { name: 'בעל שדה', phone: '03-123-4582' });
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/lists');
      const section = (name: string) => page.locator('section').filter({ has: page.getByRole('heading', { name, level: 2 }) });
      const dialog = page.getByRole('dialog');
      await section('תגיות').getByRole('button', { name: 'הוספה' }).click();
      await dialog.getByLabel('שם').fill('דחוף מאוד');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await section('תגיות').getByText('דחוף מאוד').waitFor();
      await section('שדות נוספים בליד').getByRole('button', { name: 'הוספה' }).click();
      await dialog.getByLabel('שם').fill('קומה');
      await dialog.getByLabel('סוג').selectOption('number');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await section('שדות נוספים בליד').getByText('קומה').waitFor();
      await open(page, `/leads/${lead.id}`);
      await page.getByRole('button', { name: 'עריכה' }).click();
      await dialog.getByLabel('קומה').fill('3');
      await dialog.getByLabel('דחוף מאוד').check();
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.locator('dt').filter({ hasText: 'קומה' }).waitFor();
      await page.getByText('דחוף מאוד').waitFor();
      await context.close();
    });

    it("a person's request about his data is written down and answered", async () => {
      const { context, page } = await signedIn(world(), 375, 'he');
      await open(page, '/privacy');
      await page.getByRole('button', { name: 'בקשה חדשה' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('מי מבקש').fill('אבי שלום');
      await dialog.getByRole('button', { name: 'שמירה' }).click();
      const row = page.getByTestId('privacy-request').filter({ hasText: 'אבי שלום' });
      await row.getByText('ממתינה').waitFor();
      await row.getByRole('button', { name: 'טופלה' }).click();
      await expect.poll(() => row.getByRole('button').count()).toBe(0);
      await context.close();
    });

    it('an administrator acts for a business, every screen says so, and it ends', async () => {
      const ada = await world().addAdmin('ada@installation.example');
      const { context, page } = await signedIn(world(), 1280, 'he', false, ada);
      await open(page, '/system');
      const row = page.getByTestId('business-row').filter({ hasText: 'לוי אינסטלציה' });
      await row.getByRole('button', { name: 'פעולה בשם העסק' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('סיבה').fill('בדיקה לבקשת הבעלים');
      await dialog.getByRole('button', { name: 'התחלה' }).click();
      await page.getByText('פעולה בשם העסק עד').waitFor();
      await open(page, '/leads');
      await page.getByText('משה כהן').first().waitFor();
      await page.getByRole('button', { name: 'סיום' }).click();
      await page.getByText('פעולה בשם העסק עד').waitFor({ state: 'detached' });
      await context.close();
    });
  });
}
