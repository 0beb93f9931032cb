import { expect, it } from 'vitest';

import { ApiError } from '@/api/problem';

import { cloudState, refusedByMeta } from './cloud';

it('a number works once Meta has told of it', () => {
  const cloud = { phone_number_id: '17', has_token: true, is_on: true, last_webhook_at: '2026-11-30T08:00:00Z' };
  expect(cloudState(cloud)).toBe('on');
  expect(cloudState({ ...cloud, last_webhook_at: null })).toBe('silent');
  expect(cloudState({ ...cloud, is_on: false })).toBe('off');
  expect(cloudState({ ...cloud, is_on: false, has_token: false })).toBe('no_token');
  expect(cloudState({ phone_number_id: null, has_token: true, is_on: false, last_webhook_at: null })).toBe('none');
});

it('what Meta refuses is told apart by its code', () => {
  const refused = (code: string, detail: string) => {
    const error = refusedByMeta(new ApiError({ code, detail, status: 409, title: '', type: 'about:blank' }));
    return error instanceof ApiError ? error.code : error;
  };
  expect(refused('cloud-refused', "Meta refuses the business's token (code 190): enter a new one")).toBe('cloud-token');
  expect(refused('cloud-refused', 'Meta does not permit it (code 200)')).toBe('cloud-permission');
  expect(refused('cloud-refused', 'expected what Meta takes; it answered 400 (code 100)')).toBe('cloud-number');
  expect(refused('cloud-refused', "Meta has stopped the business's number (code 131031)")).toBe('cloud-stopped');
  expect(refused('cloud-refused', 'something else (code 999)')).toBe('cloud-refused');
  expect(refused('unavailable', '')).toBe('cloud-unreachable');
  expect(refused('phone-linked', '(code 190)')).toBe('phone-linked');
  expect(refusedByMeta(null)).toBe(null);
});
