import { loadavg } from 'node:os';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { type World, importLeads, settled, signedIn, startWorld } from './world';

/** As many leads as a busy office has after some years. */
const LEADS = 20_000;
/** As many rows as one file may have here: an import is split where it is larger. */
const ROWS = 5_000;
const MINUTES_MS = 900_000;
const ROUNDS = 5;
/** A mid-range phone of today has about a quarter of this machine's speed on one core. */
const SLOWER = 4;
/** WebPageTest's "4G": 9 Mbit/s each way, 170 ms there and back. */
const NETWORK = { offline: false, latency: 170, downloadThroughput: (9 * 1024 * 1024) / 8, uploadThroughput: (9 * 1024 * 1024) / 8 };

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

interface Seen {
  /** The largest paint, in milliseconds from when the page was asked for. */
  at: number;
  /** What it was. */
  what: string;
  /** The first paint of anything, counted in the same way. */
  first: number;
  /** Requests and bytes over the network until everything was there. */
  requests: number;
  bytes: number;
  /** What was asked for early and nobody took: it was asked for in vain. */
  untaken: string[];
  /** How busy the machine was: programs that wanted to run, as a mean of the last minute. */
  load: number;
}

async function measure(path: string, isWarm: boolean): Promise<Seen> {
  const { context, page } = await signedIn(world, 375, 'he');
  await context.addInitScript(() => {
    const kept = globalThis as unknown as { largest?: { at: number; what: string } };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { element } = entry as PerformanceEntry & { element?: Element };
        kept.largest = { at: entry.startTime, what: `${element?.tagName.toLowerCase()} ${element?.textContent?.slice(0, 40) ?? ''}` };
      }
    }).observe({ type: 'largest-contentful-paint', buffered: true });
  });
  if (isWarm) {
    await page.goto(path);
    await settled(page);
  }
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', NETWORK);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  let requests = 0;
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    requests += 1;
    bytes += encodedDataLength;
  });
  await page.goto(path);
  await page.locator('h1').first().waitFor();
  await settled(page);
  const { largest, first, untaken } = await page.evaluate(() => {
    const kept = globalThis as unknown as { largest?: { at: number; what: string }; prosaasEarly?: Map<string, unknown> };
    return { largest: kept.largest, first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, untaken: [...(kept.prosaasEarly?.keys() ?? [])] };
  });
  await context.close();
  return { at: largest?.at ?? Number.NaN, what: largest?.what ?? '', first: first ?? Number.NaN, requests, bytes, untaken, load: loadavg()[0] ?? Number.NaN };
}

it.each([
  ['/', false],
  ['/leads', false],
  ['/leads', true],
  ['/inbox', false],
])(
  'the largest paint of %s, warm: %s',
  async (path, isWarm) => {
    const seen: Seen[] = [];
    for (let round = 0; round < ROUNDS; round += 1) seen.push(await measure(path, isWarm));
    const sorted = seen.map(({ at }) => Math.round(at)).sort((a, b) => a - b);
    const median = sorted[Math.floor(ROUNDS / 2)];
    const firsts = seen.map(({ first }) => Math.round(first)).join(', ');
    const loads = seen.map(({ load }) => load.toFixed(1)).join(', ');
    console.log(`${path}, ${isWarm ? 'warm' : 'cold'}: median ${median} ms of ${sorted.join(', ')}; first paints ${firsts}; load ${loads}`);
    console.log(`  ${seen[0]?.requests} requests, ${Math.round((seen[0]?.bytes ?? 0) / 1024)} KiB; the largest: ${seen[0]?.what}`);
    expect(sorted.every(Number.isFinite)).toBe(true);
    expect(seen.flatMap(({ untaken }) => untaken)).toEqual([]);
  },
  MINUTES_MS,
);
