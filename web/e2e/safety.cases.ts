import { describe, expect, it } from 'vitest';

import { type Person, type World, importLeads, open, signedIn, trouble } from './world';

const TAGS = [
  '<script>RUN</script>',
  '<img src=x onerror=RUN>',
  '<svg onload=RUN>',
  '<svg><script>RUN</script></svg>',
  '<iframe srcdoc="<script>parent.RUN</script>"></iframe>',
  '<body onload=RUN>',
  '<details open ontoggle=RUN>',
  '<input autofocus onfocus=RUN>',
  '<a href="javascript:RUN">x</a>',
  '<math><mtext><img src=x onerror=RUN></mtext></math>',
  '<style>@import "javascript:RUN";</style>',
  '<object data="javascript:RUN">',
  '<video><source onerror=RUN></video>',
  '<marquee onstart=RUN>x</marquee>',
  '<form action="javascript:RUN"><button>x</button></form>',
  '<base href="javascript:RUN//">',
  '<meta http-equiv=refresh content="0;url=javascript:RUN">',
  '<template><script>RUN</script></template>',
  'javascript:RUN',
  '{{constructor.constructor("RUN")()}}',
];
const AROUND = [
  (tag: string) => tag,
  (tag: string) => `">${tag}`,
  (tag: string) => `'>${tag}`,
  (tag: string) => `</title></textarea></style>${tag}`,
  (tag: string) => `-->${tag}<!--`,
  (tag: string) => `שלום ${tag} עולם`,
  (tag: string) => `\u202e${tag}`,
  (tag: string) => tag.toUpperCase().replaceAll('RUN', 'window.ran=1'),
  (tag: string) => `$\{${tag}}`,
  (tag: string) => `]]>${tag}`,
];

/** Two hundred texts that would run if one of them were taken for a page. */
const PAYLOADS = TAGS.flatMap((tag) => AROUND.map((around) => around(tag).replaceAll('RUN', 'window.ran=1')));

/** What would have run. */
const RAN = () => (globalThis as unknown as { ran?: number }).ran ?? 0;

/** What must never happen. */
export function safetyCases(world: () => World) {
  describe('safety', () => {
    it('two hundred scripts in the fields of a business run on no screen', async () => {
      expect(new Set(PAYLOADS).size).toBe(200);
      const owner = await world().addBusiness('תוקפים בע״מ', '+12025550151', 'x@attackers.example');
      const screens = await attack(world(), owner);
      const { context, page } = await signedIn(world(), 1280, 'he', false, owner);
      page.on('dialog', (dialog) => {
        trouble.push(`a dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      for (const path of screens) {
        await open(page, path);
        expect(await page.evaluate(RAN), path).toBe(0);
        expect(await page.locator('img, iframe, object, video, form[action], a[href^="javascript"]').count(), path).toBe(0);
      }
      await context.close();
    });

    it("two businesses in two browsers see nothing of each other's", async () => {
      const other = await world().addBusiness('דקל חשמל', '+12025550152', 'ron@dekel.example');
      const ask = await world().askAs(other);
      const theirs = await ask<{ id: string }>('POST', '/api/crm/leads', { name: 'לקוח של דקל', phone: '03-123-4590' });
      const { data: ours } = await world().ask<{ data: { id: string }[] }>('GET', '/api/crm/leads');
      const [a, b] = [await signedIn(world(), 1280, 'he'), await signedIn(world(), 375, 'he', false, other)];
      await open(a.page, '/leads');
      await open(b.page, '/leads');
      await b.page.getByText('לקוח של דקל').waitFor();
      expect(await a.page.getByText('לקוח של דקל').count()).toBe(0);
      expect(await b.page.getByText('משה כהן').count()).toBe(0);
      for (const [{ page }, foreign] of [[a, theirs.id], [b, ours[0]?.id]] as const) {
        await page.goto(`/leads/${foreign}`);
        await page.getByText('לא נמצא. אולי נמחק.').first().waitFor();
      }
      // What happens in one is not told to the other: not live, and not after a lost connection.
      await open(b.page, '/leads');
      await b.context.setOffline(true);
      await world().ask('POST', '/api/crm/leads', { name: 'ליד סודי', phone: '03-123-4591' });
      await b.context.setOffline(false);
      await ask('POST', '/api/crm/leads', { name: 'עוד אחד של דקל', phone: '03-123-4592' });
      await b.page.getByText('עוד אחד של דקל').waitFor();
      expect(await b.page.getByText('ליד סודי').count()).toBe(0);
      await a.context.close();
      await b.context.close();
    });

    it('after signing out, neither the back button nor the next account shows what was there', async () => {
      const other: Person = { email: 'ron@dekel.example', password: 'correct horse battery staple' };
      const { context, page } = await signedIn(world(), 1280, 'he');
      await open(page, '/calls');
      await page.getByRole('link', { name: 'לידים' }).first().click();
      await page.getByText('משה כהן').first().waitFor();
      await page.getByRole('button', { name: 'חשבון' }).click();
      await page.getByRole('menuitem', { name: 'יציאה' }).click();
      await page.waitForURL(/\/sign-in/);
      await page.goBack();
      await page.waitForURL(/\/sign-in\?to=%2Fcalls/);
      expect(await page.getByText('משה כהן').count()).toBe(0);
      await page.fill('[name=email]', other.email);
      await page.fill('[name=password]', other.password);
      await page.click('button[type=submit]');
      await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
      await page.goto('/leads');
      await page.getByText('לקוח של דקל').first().waitFor();
      expect(await page.getByText('משה כהן').count()).toBe(0);
      await page.goto('/tasks');
      await page.getByRole('heading', { level: 1 }).first().waitFor();
      await page.goBack();
      await page.getByText('לקוח של דקל').first().waitFor();
      expect(await page.getByText('משה כהן').count()).toBe(0);
      await context.close();
    });
  });
}

/** Writes the texts into a business over its API; returns the screens that show them. */
async function attack(world: World, owner: Person): Promise<string[]> {
  const ask = await world.askAs(owner);
  const { working_in } = await ask<{ working_in: string }>('GET', '/api/auth/me');
  const business = `/api/businesses/${working_in}`;
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rows = PAYLOADS.map((text, index) => `${quoted(text)},+1202555${String(1000 + index)},${quoted(text)},${quoted(text)}`);
  await importLeads(ask, `name,phone,company,notes\n${rows.join('\n')}\n`);
  const { data } = await ask<{ data: { id: string; version: number }[] }>('GET', '/api/crm/leads?limit=200');
  const lead = data[0] ?? { id: '', version: 1 };
  for (const text of PAYLOADS) await ask('POST', '/api/crm/notes', { lead_id: lead.id, body: text });
  for (const text of PAYLOADS.filter((_, index) => index % 4 === 0)) await ask('POST', '/api/crm/tasks', { title: text, body: text, lead_id: lead.id });
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const pipeline = await ask<{ stages: { id: string }[] }>('POST', '/api/crm/pipelines', { name: PAYLOADS[0] });
  for (const [index, text] of TAGS.map((tag) => tag.replaceAll('RUN', 'window.ran=1')).entries()) {
    await ask('POST', '/api/crm/tags', { name: text });
    await ask('POST', '/api/crm/deals', { title: text, lead_id: lead.id, stage_id: pipeline.stages[0]?.id, value: { amount: 100, currency: 'ILS' } });
    await ask('POST', '/api/crm/payments', { lead_id: lead.id, value: { amount: 100, currency: 'ILS' }, method: 'cash', description: text, paid_at: at(-1) });
    await ask('POST', '/api/crm/appointments', { title: text, place: text, notes: text, lead_id: lead.id, starts_at: at(index), ends_at: at(index + 0.5) });
    await ask('POST', `${business}/knowledge`, { kind: 'text', title: text, body: text });
    await ask('POST', '/api/privacy/requests', { kind: 'access', subject: text, contact: text, note: text, lead_id: lead.id });
  }
  await ask('POST', '/api/crm/stages', { name: PAYLOADS[1], kind: 'open' });
  await ask('POST', '/api/crm/custom-fields', { key: 'evil', label: PAYLOADS[2], kind: 'text' });
  await ask('POST', `${business}/blocks`, { kind: 'number', value: '+12025550199', reason: PAYLOADS[3] });
  await ask('POST', `${business}/holidays`, { date: at(240).slice(0, 10), name: PAYLOADS[4], open: [] });
  const { version } = await ask<{ version: number }>('GET', `/api/crm/leads/${lead.id}`);
  await ask('PATCH', `/api/crm/leads/${lead.id}`, { intent: PAYLOADS[5], next_step: PAYLOADS[6], custom: { evil: PAYLOADS[7] } }, version);
  const settings = await ask<{ version: number }>('GET', business);
  await ask('PATCH', business, { name: PAYLOADS[8], greeting: PAYLOADS[9], instructions: PAYLOADS.slice(0, 20).join('\n') }, settings.version);
  await ask('PATCH', '/api/auth/me', { name: PAYLOADS[10] });
  return ['/leads', '/leads?view=board', `/leads/${lead.id}`, '/tasks', '/calendar', '/deals', '/payments', '/agent', '/lists', '/privacy', '/users', '/audit', '/'];
}
