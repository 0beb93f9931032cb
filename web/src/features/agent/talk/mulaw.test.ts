import { expect, it } from 'vitest';

import { decode, decodeAll, encode } from './mulaw';

it('silence is 0xff, and the loudest samples are the ends of the scale', () => {
  expect(encode(0)).toBe(0xff);
  expect(encode(1)).toBe(0x80);
  expect(encode(-1)).toBe(0x00);
  expect(encode(7)).toBe(0x80);
  expect(decode(0xff)).toBeCloseTo(0);
  expect(decode(0x80)).toBeCloseTo(8031 / 8192);
  expect(decode(0x00)).toBeCloseTo(-8031 / 8192);
});

it('every byte comes back as itself, but for the second zero', () => {
  for (let byte = 0; byte < 256; byte++) {
    if (byte !== 0x7f) expect(encode(decode(byte)), `0x${byte.toString(16)}`).toBe(byte);
  }
});

it('what comes back is as near as mu-law is', () => {
  for (let sample = -0.98; sample < 0.98; sample += 0.001) {
    const back = decode(encode(sample));
    expect(Math.abs(back - sample)).toBeLessThan(0.001 + Math.abs(sample) / 16);
  }
});

it('whole pieces are decoded', () => {
  expect([...decodeAll(new Uint8Array([0xff, 0x80]))]).toEqual([decode(0xff), Math.fround(decode(0x80))]);
});
