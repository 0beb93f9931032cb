import { loadavg } from 'node:os';

import { type World, settled, signedIn, visitor } from './world';

/** A mid-range phone of today has about a quarter of this machine's speed on one core. */
const SLOWER = 4;
/** The bar: the largest paint within this, in milliseconds. */
export const BAR_MS = 2_000;

/**
 * Lines of a phone. The latency is added to each request; connections are made to this machine and cost nothing, so a
 * real line is slower by a round or two at the very first request.
 */
export const LINES = {
  /** WebPageTest's "4G": 9 Mbit/s each way, 170 ms there and back. */
  '4G': { offline: false, latency: 170, downloadThroughput: (9 * 1024 * 1024) / 8, uploadThroughput: (9 * 1024 * 1024) / 8 },
  /** Lighthouse's "slow 4G": 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back. */
  'slow 4G': { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 },
};
export type Line = keyof typeof LINES;

/** What was seen of one load. */
export interface Seen {
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

interface Asked {
  path: string;
  line: Line;
  /** Whether the browser has been there before. */
  isWarm?: boolean;
  /** Whether nobody is signed in. */
  isOutside?: boolean;
}

/** Loads a screen on a slow phone of 375 px, in Hebrew. */
export async function measure(world: World, { path, line, isWarm = false, isOutside = false }: Asked): Promise<Seen> {
  const { context, page } = await (isOutside ? visitor : signedIn)(world, 375, 'he');
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
  await devtools.send('Network.emulateNetworkConditions', LINES[line]);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  let requests = 0;
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    requests += 1;
    bytes += encodedDataLength;
  });
  await page.goto(path);
  // A server without the console in it is quick to say so.
  await page.locator('#root h1').first().waitFor();
  await settled(page);
  const { largest, first, untaken } = await page.evaluate(() => {
    const kept = globalThis as unknown as { largest?: { at: number; what: string }; prosaasEarly?: Map<string, unknown> };
    return { largest: kept.largest, first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, untaken: [...(kept.prosaasEarly?.keys() ?? [])] };
  });
  await context.close();
  return { at: largest?.at ?? Number.NaN, what: largest?.what ?? '', first: first ?? Number.NaN, requests, bytes, untaken, load: loadavg()[0] ?? Number.NaN };
}

/** Loads a screen so many times, prints what was seen and whether the bar is reached, and returns it. */
export async function measured(world: World, asked: Asked, rounds: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let round = 0; round < rounds; round += 1) seen.push(await measure(world, asked));
  const sorted = seen.map(({ at }) => Math.round(at)).sort((a, b) => a - b);
  const median = sorted[Math.floor(rounds / 2)] ?? Number.NaN;
  const firsts = seen.map(({ first }) => Math.round(first)).join(', ');
  const loads = seen.map(({ load }) => load.toFixed(1)).join(', ');
  const verdict = median <= BAR_MS ? 'reached' : 'OPEN';
  console.log(`${asked.path}, ${asked.isWarm ? 'warm' : 'cold'}, ${asked.line}, processor slowed ${SLOWER} times: median ${median} ms of ${sorted.join(', ')}; bar ${BAR_MS} ms: ${verdict}`);
  console.log(`  first paints ${firsts}; load ${loads}; ${seen[0]?.requests} requests, ${Math.round((seen[0]?.bytes ?? 0) / 1024)} KiB; the largest: ${seen[0]?.what}`);
  return seen;
}
