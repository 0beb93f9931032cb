import { expect, it } from 'vitest';

import { Uplink } from './uplink';

it('a second of the microphone is fifty whole frames', () => {
  const frames: Uint8Array[] = [];
  const uplink = new Uplink(48_000, (frame) => frames.push(frame));
  for (let n = 0; n < 51; n++) uplink.push(new Float32Array(960));
  expect(frames.length).toBe(50);
  expect(new Set(frames).size).toBe(50);
  for (const frame of frames) expect([...frame]).toEqual(new Array<number>(160).fill(0xff));
});
