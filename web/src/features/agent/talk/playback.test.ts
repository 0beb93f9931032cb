import { beforeEach, expect, it } from 'vitest';

import { CUSHION_S, Playback } from './playback';

const FRAME = new Uint8Array(160).fill(0x55);

let now: number;
let played: { at: number; over: () => void; stopped: boolean }[];
let marks: string[];
let playback: Playback;

beforeEach(() => {
  [now, played, marks] = [10, [], []];
  const speaker = {
    now: () => now,
    play: (_: Float32Array, at: number, over: () => void) => {
      const piece = { at, over, stopped: false };
      played.push(piece);
      return () => {
        piece.stopped = true;
        over();
      };
    },
  };
  playback = new Playback(speaker, (mark) => marks.push(mark));
});

it('pieces follow each other without a gap, the first after a cushion', () => {
  playback.sound(FRAME);
  now += 0.03;
  playback.sound(FRAME);
  expect(played[0]?.at).toBeCloseTo(10 + CUSHION_S);
  expect(played[1]?.at).toBeCloseTo(10 + CUSHION_S + 0.02);
});

it('after a gap there is a cushion again', () => {
  playback.sound(FRAME);
  now += 1;
  playback.sound(FRAME);
  expect(played[1]?.at).toBeCloseTo(11 + CUSHION_S);
});

it('a mark is said when everything before it was played, at once where nothing is', () => {
  playback.mark('0:0');
  expect(marks).toEqual(['0:0']);
  playback.sound(FRAME);
  playback.mark('0:1');
  playback.sound(FRAME);
  playback.mark('0:2');
  expect(marks).toEqual(['0:0']);
  played[0]?.over();
  expect(marks).toEqual(['0:0', '0:1']);
  played[1]?.over();
  expect(marks).toEqual(['0:0', '0:1', '0:2']);
});

it('an interruption drops what was not played, and says its marks once', () => {
  playback.sound(FRAME);
  playback.mark('0:0');
  playback.sound(FRAME);
  playback.mark('0:1');
  playback.clear();
  expect(played.every(({ stopped }) => stopped)).toBe(true);
  expect(marks).toEqual(['0:0', '0:1']);
  playback.sound(FRAME);
  expect(played[2]?.at).toBeCloseTo(10 + CUSHION_S);
});
