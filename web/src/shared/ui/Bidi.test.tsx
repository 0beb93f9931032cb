import { expect, it } from 'vitest';

import { shown } from '@/shared/test/render';

import { Cost, FileName } from './Bidi';

const seen = (microUsd: number) => shown(<Cost microUsd={microUsd} />, [], []);

it('a cost below a cent is not nothing, and its sum has walls of its own', () => {
  expect(seen(4_000)).toContain('less than \u2066$0.01\u2069');
  expect(seen(0)).toContain('<bdi dir="ltr">$0.00</bdi>');
  expect(seen(30_000)).toContain('<bdi dir="ltr">$0.03</bdi>');
});

it("a file's ending comes last, whatever the name says", () => {
  const seenName = (name: string) => shown(<FileName name={name} />, [], []);
  expect(seenName('לקוחות 2026.csv')).toContain('<bdi dir="ltr"><bdi>לקוחות 2026</bdi>.csv</bdi>');
  expect(seenName('README')).toContain('<bdi dir="ltr"><bdi>README</bdi></bdi>');
  expect(seenName('.env')).toContain('<bdi dir="ltr"><bdi>.env</bdi></bdi>');
});
