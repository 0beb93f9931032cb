import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';

import { expect, it } from 'vitest';

import { type PushFacts, isApplePhone, pushStateOf } from './push';

const READY: PushFacts = { canPush: true, isApplePhone: false, permission: 'granted', isSwitchedOn: true, isSubscribed: true };

it('the switch is on only where the browser, the person and the subscription agree', () => {
  const table: [Partial<PushFacts>, string][] = [
    [{}, 'on'],
    [{ isSwitchedOn: false }, 'off'],
    [{ isSubscribed: false }, 'off'],
    [{ permission: 'default' }, 'off'],
    [{ permission: 'denied' }, 'blocked'],
    [{ canPush: false }, 'unsupported'],
    [{ canPush: false, isApplePhone: true }, 'install'],
    [{ isApplePhone: true }, 'on'],
  ];
  for (const [facts, state] of table) expect(pushStateOf({ ...READY, ...facts }), JSON.stringify(facts)).toBe(state);
});

it('an iPad says that it is a Mac', () => {
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15';
  expect(isApplePhone(mac, 5)).toBe(true);
  expect(isApplePhone(mac, 0)).toBe(false);
  expect(isApplePhone('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', 5)).toBe(true);
  expect(isApplePhone('Mozilla/5.0 (Linux; Android 16) Chrome/156', 5)).toBe(false);
});

const ORIGIN = 'https://crm.example';

interface Shown {
  title: string;
  options: { body: string; tag: string; dir: string; data: { path?: unknown } };
}

interface Tab {
  focus: () => Promise<void>;
  navigate: (screen: string) => Promise<void>;
  postMessage: (message: unknown) => void;
}

/** The worker as a browser runs it, with a browser that writes down what it is asked for. */
function worker(tabs: Tab[] = []) {
  const handlers = new Map<string, (event: unknown) => void>();
  const shown: Shown[] = [];
  const opened: string[] = [];
  const self = {
    location: { origin: ORIGIN },
    skipWaiting: () => Promise.resolve(),
    addEventListener: (name: string, handler: (event: unknown) => void) => handlers.set(name, handler),
    registration: { showNotification: (title: string, options: Shown['options']) => Promise.resolve(void shown.push({ title, options })) },
    clients: { matchAll: () => Promise.resolve(tabs), openWindow: (screen: string) => Promise.resolve(void opened.push(screen)) },
  };
  runInNewContext(readFileSync(new URL('../../../public/push-worker.js', import.meta.url), 'utf8'), { self, URL });
  const happens = async (name: string, event: object) => {
    let work: unknown;
    handlers.get(name)?.({ ...event, waitUntil: (promise: unknown) => (work = promise) });
    await work;
  };
  const taps = (path: unknown) => happens('notificationclick', { notification: { close: () => undefined, data: { path } } });
  const hears = (json: () => unknown) => happens('push', { data: { json } });
  return { handlers, shown, opened, hears, taps };
}

it('a call is shown in the direction of its language, once a call', async () => {
  const { shown, hears } = worker();
  await hears(() => ({ title: 'Garage: A missed call', body: 'From +972*****4567', lang: 'en', tag: 'call_1', url: '/calls/call_1' }));
  expect(shown[0]).toMatchObject({ title: 'Garage: A missed call', options: { body: 'From +972*****4567', dir: 'ltr', tag: 'call_1', data: { path: '/calls/call_1' } } });
  await hears(() => ({ title: 'מוסך', lang: 'he' }));
  expect(shown[1]?.options.dir).toBe('rtl');
});

it('what cannot be read is shown all the same', async () => {
  const { shown, hears } = worker();
  await hears(() => {
    throw new Error('no JSON');
  });
  expect(shown[0]?.title).toBe('ProSaaS');
});

it('a tap opens the call, and an address of somebody else nothing but the first screen', async () => {
  const { opened, taps } = worker();
  await taps('/calls/call_1');
  for (const hostile of ['https://evil.example/', '//evil.example/', 'javascript:alert(1)', undefined, 7]) await taps(hostile);
  expect(opened[0]).toBe(`${ORIGIN}/calls/call_1`);
  expect(new Set(opened.slice(1))).toEqual(new Set([`${ORIGIN}/`]));
});

it('a tab that is open is led there, or told', async () => {
  const asked: string[] = [];
  const tab = (leads: boolean): Tab => ({
    focus: () => Promise.resolve(),
    navigate: (screen) => (leads ? Promise.resolve(void asked.push(`led ${screen}`)) : Promise.reject(new Error('not controlled'))),
    postMessage: (message) => void asked.push(`told ${JSON.stringify(message)}`),
  });
  await worker([tab(true)]).taps('/calls/call_1');
  await worker([tab(false)]).taps('/calls/call_1');
  expect(asked).toEqual([`led ${ORIGIN}/calls/call_1`, `told ${JSON.stringify({ open: `${ORIGIN}/calls/call_1` })}`]);
});

it('the worker answers no request, so that nothing of the API is ever kept by it', () => {
  expect([...worker().handlers.keys()].sort()).toEqual(['install', 'notificationclick', 'push']);
});
