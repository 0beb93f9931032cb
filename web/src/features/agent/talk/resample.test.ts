import { expect, it } from 'vitest';

import { Downsampler } from './resample';

const tone = (hz: number, rate: number, seconds = 0.5) => Float32Array.from({ length: rate * seconds }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate));

/** How loud the middle of it is: its ends are the filter's. */
function loudness(samples: Float32Array): number {
  const middle = samples.slice(400, -400);
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
}

function inPieces(samples: Float32Array, rate: number, length: number): Float32Array {
  const downsampler = new Downsampler(rate);
  const made: number[] = [];
  for (let from = 0; from < samples.length; from += length) made.push(...downsampler.push(samples.slice(from, from + length)));
  return Float32Array.from(made);
}

it.each([48_000, 44_100, 16_000])('speech passes and what the telephone cannot carry does not, at %i Hz', (rate) => {
  const loud = 0.5 / Math.SQRT2;
  expect(loudness(inPieces(tone(300, rate), rate, 960))).toBeCloseTo(loud, 1);
  expect(loudness(inPieces(tone(2_000, rate), rate, 960))).toBeCloseTo(loud, 1);
  expect(loudness(inPieces(tone(6_000, rate), rate, 960))).toBeLessThan(0.02);
});

it.each([48_000, 44_100])('there is a sample for every 125 us at %i Hz, however it is cut', (rate) => {
  const samples = tone(440, rate);
  const whole = inPieces(samples, rate, samples.length);
  expect(Math.abs(whole.length - 4_000)).toBeLessThanOrEqual(10);
  const cut = inPieces(samples, rate, 128);
  expect(cut.length).toBe(whole.length);
  cut.forEach((sample, n) => expect(sample).toBeCloseTo(whole[n] ?? NaN, 2));
});
