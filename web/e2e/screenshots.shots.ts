import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, it } from 'vitest';

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
    await shoot(visitor, OPEN_SCREENS);
  },
  MINUTES_MS,
);
