import { expect, it } from 'vitest';

import { refusedFields } from '@/api/problem';

import { readAnswering, readNumber } from './modes';

function filled(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

function refusal(fields: Record<string, string>): string[] {
  try {
    readAnswering(filled(fields));
  } catch (error) {
    return Object.keys(refusedFields(error));
  }
  return [];
}

it('reads who answers, the phone as people write it, and how long it rings', () => {
  for (const answer_mode of ['ai_outside_hours', 'ring_first']) {
    expect(readAnswering(filled({ answer_mode, ring_number: '050-123-4567', ring_seconds: ' 20 ' }))).toEqual({ answer_mode, ring_number: '+972501234567', ring_seconds: 20 });
  }
});

it('leaves a stored phone alone while the agent always answers', () => {
  expect(readAnswering(filled({ answer_mode: 'ai_always' }))).toEqual({ answer_mode: 'ai_always' });
});

it('asks for the phone that is to ring', () => {
  expect(refusal({ answer_mode: 'ring_first', ring_number: ' ', ring_seconds: '20' })).toEqual(['ring_number']);
});

it('takes no length of ringing that the API would not', () => {
  for (const ring_seconds of ['', 'long', '4', '61', '7.5']) expect(refusal({ answer_mode: 'ring_first', ring_number: '050-123-4567', ring_seconds }), ring_seconds).toEqual(['ring_seconds']);
});

it('a new number is read as people write it', () => {
  expect(readNumber(filled({ number: '03-123-4599', label: ' Office ' }))).toEqual({ number: '+97231234599', label: 'Office' });
  expect(readNumber(filled({ number: '+1 202-555-0100', label: '' }))).toEqual({ number: '+12025550100', label: null });
});
