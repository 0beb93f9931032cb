import { readFileSync, readdirSync } from 'node:fs';

import { expect, it } from 'vitest';

import { en } from '@/shared/i18n/en';

const SERVER = new URL('../../../../prosaas-crm/src/', import.meta.url);

/** What only other programs and whoever runs the server are told. */
const ELSEWHERE = ['already-done', 'batch-over', 'database-not-empty', 'idempotency-key-in-progress', 'idempotency-outcome-unknown'];

/** The codes by which the server says that something cannot be done now: those that it answers 409 or 503 with. */
function codes(): string[] {
  const files = readdirSync(SERVER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.rs') && !/(^|[\\/])testkit/.test(name));
  const found = files.flatMap((name) => {
    const [source = ''] = readFileSync(new URL(name, SERVER), 'utf8').split('#[cfg(test)]');
    return [...source.matchAll(/(?:StatusCode::(?:CONFLICT|SERVICE_UNAVAILABLE),\s*|\bwhat: |\bconflict\(\s*)"([a-z]+(?:-[a-z]+)+)"/g)].map((one) => one[1] ?? '');
  });
  return [...new Set(found)].sort();
}

it('whatever the server refuses is said in words', () => {
  const told = codes();
  // Were refusals spelled otherwise one day, none would be found, and nothing would be missing.
  expect(told).toContain('version-conflict');
  expect(told.length).toBeGreaterThan(40);
  expect(told.filter((code) => !(code in en.problem) && !ELSEWHERE.includes(code))).toEqual([]);
});
