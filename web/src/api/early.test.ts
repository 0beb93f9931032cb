import { beforeEach, expect, it } from 'vitest';

import { takeEarly } from './early';

const ME = '/api/auth/me';
const LEADS = '/api/crm/leads?limit=20';
const get = (path: string) => new Request(`http://console.example${path}`);
const asked = (status = 200, at: number | null = null) => ({ answer: Promise.resolve(new Response('{}', { status })), at });

beforeEach(() => {
  globalThis.prosaasEarly = new Map([[ME, asked()], [LEADS, asked()]]);
});

it('an answer is handed out once, to the very same question', async () => {
  expect(takeEarly(get('/api/crm/leads?limit=100'))).toBeUndefined();
  expect((await takeEarly(get(LEADS)))?.status).toBe(200);
  expect(takeEarly(get(LEADS))).toBeUndefined();
  expect(takeEarly(get(ME))).toBeDefined();
});

it('what changes something ends them all: somebody else may be signed in after it', () => {
  expect(takeEarly(new Request('http://console.example/api/auth/logout', { method: 'POST' }))).toBeUndefined();
  expect(takeEarly(get(ME))).toBeUndefined();
});

it('where nobody is signed in, no other answer is kept for whoever signs in next', async () => {
  globalThis.prosaasEarly?.set(ME, asked(401));
  expect((await takeEarly(get(ME)))?.status).toBe(401);
  expect(takeEarly(get(LEADS))).toBeUndefined();
});

it('an answer that nobody took for a while is asked for anew', () => {
  globalThis.prosaasEarly?.set(LEADS, asked(200, performance.now() - 6_000));
  expect(takeEarly(get(LEADS))).toBeUndefined();
});

it('a page that asked for nothing early has nothing to hand out', () => {
  globalThis.prosaasEarly = undefined;
  expect(takeEarly(get(ME))).toBeUndefined();
});
