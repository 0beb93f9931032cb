import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, it } from 'vitest';

import { standIn } from './chat';
import { fill } from './records';
import { type Language, OPEN_SCREENS, type World, callIsOver, open, screens, signedIn, startWorld, visitor } from './world';

const FOLDER = resolve(import.meta.dirname, '../../docs/screenshots');
const LOOKS: [Language, number, boolean][] = [
  ['he', 375, false],
  ['he', 375, true],
  ['he', 768, false],
  ['he', 1280, false],
  ['en', 375, false],
  ['en', 1280, false],
];
const MINUTES_MS = 300_000;

let world: World;

beforeAll(async () => {
  world = await startWorld();
  await callIsOver(world);
  await fill(world);
  // The settings are Hebrew by now, and so is what the agent says.
  await world.call('+97231234569');
  await callIsOver(world);
  mkdirSync(FOLDER, { recursive: true });
}, MINUTES_MS);

afterAll(async () => {
  await world?.stop();
});

/** WhatsApp as it looks with a link and with messages, which only a stand-in has here. */
async function shootChat(language: Language, width: number, dark: boolean) {
  const { context, page } = await signedIn(world, width, language, dark);
  const { data } = await world.ask<{ data: { id: string; name?: string }[] }>('GET', '/api/crm/leads?limit=100');
  const me = await world.ask<{ id: string }>('GET', '/api/auth/me');
  const stand = await standIn(context, { lead: data.find(({ name }) => name === 'משה כהן')?.id ?? null, member: me.id });
  const shoot = async (name: string, path: string, then?: string) => {
    await open(page, path);
    if (then !== undefined) await page.getByTestId(then).waitFor();
    await page.screenshot({ path: join(FOLDER, `${name}-${language}-${width}${dark ? '-dark' : ''}.jpg`), type: 'jpeg', quality: 70 });
  };
  await shoot('chat-inbox', '/inbox');
  await shoot('chat-thread', '/inbox?c=conv_moshe');
  await shoot('chat-linked', '/whatsapp');
  stand.link = { state: 'qr', qr: '2@a,code,of,WhatsApp=='.padEnd(230, 'x'), seq: 2, seconds_left: 20, attempts_left: 4 };
  await shoot('chat-qr', '/whatsapp', 'wa-qr');
  stand.link = { state: 'pairing_code', pairing_code: 'WXYZ1234' };
  await shoot('chat-code', '/whatsapp', 'wa-pairing-code');
  await context.close();
}

it.each(LOOKS)(
  'every screen, %s, %i px, dark: %s',
  async (language, width, dark) => {
    const shoot = async (start: typeof signedIn, all: Record<string, string>) => {
      const { context, page } = await start(world, width, language, dark);
      for (const [name, path] of Object.entries(all)) {
        await open(page, path);
        const file = `${name}-${language}-${width}${dark ? '-dark' : ''}.jpg`;
        await page.screenshot({ path: join(FOLDER, file), type: 'jpeg', quality: 70, fullPage: width < 768 });
      }
      await context.close();
    };
    await shoot(signedIn, await screens(world));
    await shootChat(language, width, dark);
    await shoot(visitor, OPEN_SCREENS);
  },
  MINUTES_MS,
);
