import { afterAll, beforeAll, expect, it } from 'vitest';

import { type Line, measured } from './paint';
import { type World, importLeads, startWorld } from './world';

/** As many leads as a busy office has after some years. */
const LEADS = 20_000;
/** As many rows as one file may have here: an import is split where it is larger. */
const ROWS = 5_000;
const MINUTES_MS = 900_000;
const ROUNDS = 5;

let world: World;

beforeAll(async () => {
  world = await startWorld();
  const began = Date.now();
  for (let first = 0; first < LEADS; first += ROWS) {
    const rows = Array.from({ length: ROWS }, (_, row) => `${NAMES[(first + row) % NAMES.length]} ${first + row},+9725${String(50_000_000 + first + row)}`);
    await importLeads(world.ask, `name,phone\n${rows.join('\n')}\n`);
  }
  console.log(`${LEADS} leads were imported in ${Math.round((Date.now() - began) / 1000)} s`);
}, MINUTES_MS);

afterAll(async () => {
  await world?.stop();
});

const NAMES = ['משה כהן', 'יעל מזרחי', 'Ruth Bar-On', 'אבי שלום', 'תמר גולן', 'ועד הבית הרצל'];

it.each<[string, Line, boolean]>([
  ['/sign-in', '4G', false],
  ['/', '4G', false],
  ['/leads', '4G', false],
  ['/leads', '4G', true],
  ['/inbox', '4G', false],
  ['/sign-in', 'slow 4G', false],
  ['/', 'slow 4G', false],
])(
  'the largest paint of %s, %s, warm: %s',
  async (path, line, isWarm) => {
    const seen = await measured(world, { path, line, isWarm, isOutside: path === '/sign-in' }, ROUNDS);
    expect(seen.every(({ at }) => Number.isFinite(at))).toBe(true);
    expect(seen.flatMap(({ untaken }) => untaken)).toEqual([]);
  },
  MINUTES_MS,
);
