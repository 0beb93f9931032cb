import { beforeAll, expect, it } from 'vitest';

import { shown } from '@/shared/test/render';

import { CloudNumber } from './CloudNumber';

const KEY = ['whatsapp', 'cloud'];
const NUMBER = { phone_number_id: '17', account_id: '9', has_token: true, is_on: false, last_webhook_at: null };
const seen = (cloud: object) => shown(<CloudNumber status={null} />, ['keys:write'], [[KEY, cloud]]);

beforeAll(() => {
  Object.assign(globalThis, { location: { origin: 'https://office.example' } });
});

it('the owner sees where it stands, what can be done, and the address for Meta', () => {
  const none = seen({ ...NUMBER, phone_number_id: null, account_id: null, has_token: false });
  expect(none).toContain('data-state="none"');
  expect(none).toContain('https://office.example/webhook/whatsapp');
  expect(none).not.toContain('wa-cloud-remove');
  const off = seen(NUMBER);
  expect(off).toContain('wa-cloud-on');
  expect(off).not.toContain('wa-cloud-off');
  const on = seen({ ...NUMBER, is_on: true });
  expect(on).toContain('data-state="silent"');
  expect(on).toContain('wa-cloud-off');
  expect(on).not.toContain('wa-cloud-on"');
  expect(on).toContain('A token is saved');
});

it('who is no owner sees where it stands and nothing to change', () => {
  const told = shown(<CloudNumber status={{ phone_number_id: '17', is_on: true, last_webhook_at: '2026-11-30T08:00:00Z' }} />, ['business:manage'], []);
  expect(told).toContain('data-state="on"');
  expect(told).not.toContain('wa-cloud-save');
  expect(told).not.toContain('/webhook/whatsapp');
});
