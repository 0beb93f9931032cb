import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, it } from 'vitest';

import { fill } from './records';
import { EMPTY_SCREENS, type Stage, chatStates, leadStates, officeStates, troubleStates, wordsOf } from './states';
import { type Language, OPEN_SCREENS, type Person, type World, callIsOver, open, screens, signedIn, startWorld, visitor } from './world';

const FOLDER = resolve(import.meta.dirname, '../../docs/screenshots');
const LOOKS: [Language, number, boolean][] = [
  ['he', 375, false],
  ['he', 375, true],
  ['he', 768, false],
  ['he', 1280, false],
  ['he', 1280, true],
  ['en', 375, false],
  ['en', 1280, false],
];
const MINUTES_MS = 600_000;

let world: World;
let newcomer: Person;
let admin: Person;

beforeAll(async () => {
  world = await startWorld();
  await callIsOver(world);
  await fill(world);
  // The settings are Hebrew by now, and so is what the agent says.
  await world.call('+97231234569');
  await callIsOver(world);
  newcomer = await world.addBusiness('דקל חשמל', '+12025550152', 'ron@dekel.example');
  admin = await world.addAdmin('ada@installation.example');
  mkdirSync(FOLDER, { recursive: true });
}, MINUTES_MS);

afterAll(async () => {
  await world?.stop();
});

/** Waits until nothing is asked for any more; the stream of events and a recording never end. */
function watch(page: Page): () => Promise<void> {
  const asked = new Set<Request>();
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch' && !request.url().includes('/api/events')) asked.add(request);
  });
  page.on('requestfinished', (request) => asked.delete(request));
  page.on('requestfailed', (request) => asked.delete(request));
  page.on('framenavigated', () => asked.clear());
  return async () => {
    for (let quiet = 0, tries = 0; quiet < 3 && tries < 50; tries += 1) {
      await page.waitForTimeout(40);
      quiet = asked.size === 0 ? quiet + 1 : 0;
    }
  };
}

it.each(LOOKS)(
  'every screen, %s, %i px, dark: %s',
  async (language, width, dark) => {
    const isPhone = width < 768;
    const begin = async (start: typeof signedIn, person?: Person): Promise<Stage> => {
      const { context, page } = await start(world, width, language, dark, person);
      const calm = watch(page);
      const size = page.viewportSize() ?? { width, height: 0 };
      const shoot = async (name: string) => {
        await calm();
        const path = join(FOLDER, `${name}-${language}-${width}${dark ? '-dark' : ''}.jpg`);
        // A screen as high as what is on it: the bar at the bottom stands at the end and covers nothing.
        const height = await page.evaluate(() => (document.querySelector('[role=dialog], [role=menu], [data-alone=true]') ? 0 : document.documentElement.scrollHeight));
        const isLong = isPhone && height > size.height;
        if (isLong) await page.setViewportSize({ width, height });
        await page.screenshot({ path, type: 'jpeg', quality: 70 });
        if (isLong) await page.setViewportSize(size);
      };
      return { world, context, page, words: wordsOf(language), isPhone, shoot };
    };
    const each = async (start: typeof signedIn, all: Record<string, string>, person?: Person) => {
      const { context, page, shoot } = await begin(start, person);
      for (const [name, path] of Object.entries(all)) {
        await open(page, path);
        await shoot(name);
      }
      await context.close();
    };
    await each(signedIn, await screens(world));
    for (const states of [chatStates, leadStates, officeStates, troubleStates]) {
      const stage = await begin(signedIn);
      await states(stage);
      await stage.context.close();
    }
    await each(signedIn, EMPTY_SCREENS, newcomer);
    await each(signedIn, { system: '/system' }, admin);
    await each(visitor, OPEN_SCREENS);
  },
  MINUTES_MS,
);
