import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, it } from 'vitest';

import { type Language, OPEN_SCREENS, type World, callIsOver, fill, open, screens, signedIn, startWorld, visitor } from './world';

const FOLDER = resolve(import.meta.dirname, '../../docs/screenshots');
const LANGUAGES: Language[] = ['he', 'en'];

let world: World;

beforeAll(async () => {
  world = await startWorld();
  await callIsOver(world);
  await fill(world);
  mkdirSync(FOLDER, { recursive: true });
});

afterAll(async () => {
  await world?.stop();
});

for (const language of LANGUAGES) {
  for (const width of [375, 1280]) {
    it(`every screen, ${language}, ${width} px`, async () => {
      const shoot = async (start: typeof signedIn, all: Record<string, string>) => {
        const { context, page } = await start(world, width, language);
        for (const [name, path] of Object.entries(all)) {
          await open(page, path);
          await page.screenshot({ path: join(FOLDER, `${name}-${language}-${width}.jpg`), type: 'jpeg', quality: 55 });
        }
        await context.close();
      };
      await shoot(signedIn, await screens(world));
      await shoot(visitor, OPEN_SCREENS);
    });
  }
}
