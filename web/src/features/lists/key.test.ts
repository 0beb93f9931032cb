import { expect, it } from 'vitest';

import { freshKey } from './key';

it('a label becomes a name that the API takes', () => {
  expect(freshKey('Size of the car', [])).toBe('size_of_the_car');
  expect(freshKey('3rd floor?', [])).toBe('rd_floor');
  expect(freshKey('גודל הדירה', [])).toBe('field');
  expect(freshKey('x'.repeat(90), [])).toMatch(/^[a-z][a-z0-9_]{0,39}$/);
});

it('a taken name gets a number', () => {
  expect(freshKey('גודל', ['field', 'field_2'])).toBe('field_3');
});
