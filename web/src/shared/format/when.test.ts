import { expect, it } from 'vitest';

import { addDays, dayAndMonth, duration, fromInput, longTime, momentInWords, monthName, shortTime, toInput, weekOf, weekday } from './when';

it('weeks begin on Sunday', () => {
  for (let day = 22; day <= 28; day += 1) {
    expect(weekOf(new Date(2026, 10, day, 23)).getDate()).toBe(22);
  }
  expect(weekOf(new Date(2026, 10, 29)).getDate()).toBe(29);
});

it('a day later is the same time of day, over a month and a clock change', () => {
  expect(addDays(new Date(2026, 9, 31, 9, 30), 1)).toEqual(new Date(2026, 10, 1, 9, 30));
});

it('lengths are minutes and seconds', () => {
  expect([0, 59_900, 61_000, 3_600_000].map(duration)).toEqual(['0:00', '0:59', '1:01', '60:00']);
});

it('an input gives back the moment it was given', () => {
  const at = new Date(2026, 10, 28, 14, 5);
  expect(new Date(fromInput(toInput(at)) ?? 0)).toEqual(at);
  expect(fromInput('')).toBeNull();
});

it('today is a time, another day has its date', () => {
  const now = new Date(2026, 10, 28, 12);
  expect(shortTime(new Date(2026, 10, 28, 9, 5).toISOString(), 'en', now)).toBe('09:05');
  expect(shortTime(new Date(2026, 10, 27, 9, 5).toISOString(), 'en', now)).toContain('27 Nov');
});

it('a time of day has two digits for its hour in both languages', () => {
  const at = new Date(2026, 10, 28, 5, 1).toISOString();
  const now = new Date(2026, 10, 29);
  expect(longTime(at, 'he', now)).toBe('28 בנוב׳, 05:01');
  expect(longTime(at, 'en', now)).toBe('28 Nov, 05:01');
});

it('the year is said where it is another one', () => {
  const at = new Date(2025, 10, 28, 5, 1).toISOString();
  expect(longTime(at, 'en', new Date(2026, 0, 1))).toBe('28 Nov 2025, 05:01');
});

it('a day of a calendar is its name and its date', () => {
  const at = new Date(2026, 10, 29);
  expect([weekday(at, 'he'), dayAndMonth(at, 'he')]).toEqual(['יום ראשון', '29 בנוב׳']);
  expect([weekday(at, 'en'), dayAndMonth(at, 'en')]).toEqual(['Sunday', '29 Nov']);
});

it('a month is said by its name', () => {
  expect(['he', 'en'].map((language) => monthName('2026-11', language))).toEqual(['נובמבר 2026', 'November 2026']);
});

it('what a field holds is said without a doubt which number is the month', () => {
  expect(momentInWords('2026-12-11', 'en')).toBe('Friday, 11 December 2026');
  expect(momentInWords('2026-12-11', 'he')).toBe('יום שישי, 11 בדצמבר 2026');
  expect(momentInWords('2026-12-11T09:30', 'en')).toContain('09:30');
  expect(momentInWords('', 'he')).toBe('');
});
