import { expect, it } from 'vitest';

import { refusedFields } from '@/api/problem';

import { readFull } from './full';

function filled(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

function refusal(fields: Record<string, string>): string[] {
  try {
    readFull(filled(fields));
  } catch (error) {
    return Object.keys(refusedFields(error));
  }
  return [];
}

it('reads lines, what happens, and the phone as people write it', () => {
  expect(readFull(filled({ max_live_calls: ' 3 ', when_full: 'overflow', overflow_number: '050-123-4567' }))).toEqual({ max_live_calls: 3, when_full: 'overflow', overflow_number: '+972501234567' });
});

it('has no limit of its own where none is written, and leaves a stored phone alone', () => {
  expect(readFull(filled({ max_live_calls: '', when_full: 'hold' }))).toEqual({ max_live_calls: null, when_full: 'hold' });
});

it('never takes what is no number for no limit', () => {
  for (const lines of ['many', '0', '-1', '1.5', '1001']) expect(refusal({ max_live_calls: lines, when_full: 'hold' }), lines).toEqual(['max_live_calls']);
});

it('asks for the phone that is to ring', () => {
  expect(refusal({ max_live_calls: '', when_full: 'overflow', overflow_number: ' ' })).toEqual(['overflow_number']);
});
