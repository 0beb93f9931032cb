import { expect, it } from 'vitest';

import { callLink, numberOf, readPhone, showPhone, whatsAppLink } from './phone';

it('writes Israeli numbers as Israelis do', () => {
  expect(showPhone('+97231234567')).toBe('03-123-4567');
  expect(showPhone('+972501234567')).toBe('050-123-4567');
});

it('leaves what it does not know as it is, with its plus', () => {
  expect(showPhone('+12025550142')).toBe('+1 202-555-0142');
  expect(showPhone('+442079460000')).toBe('+442079460000');
});

it('links carry the whole number', () => {
  expect(callLink('+97231234567')).toBe('tel:+97231234567');
  expect(whatsAppLink('+97231234567')).toBe('https://wa.me/97231234567');
});

it('takes a number as people type it', () => {
  expect(readPhone('03-123-4567')).toBe('+97231234567');
  expect(readPhone(' \u200e+972 50-123-4567\u200f')).toBe('+972501234567');
  expect(readPhone('0012025550142')).toBe('+12025550142');
});

it('a number is read out of an address that has one', () => {
  expect(['972501234567@s.whatsapp.net', '+12025550142', '123456789012345@lid', 'dana'].map(numberOf)).toEqual(['+972501234567', '+12025550142', null, null]);
});
