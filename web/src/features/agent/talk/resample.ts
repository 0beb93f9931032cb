import { TELEPHONE_RATE } from './mulaw';

/** Above this the telephone carries nothing; what is there would come back as noise. */
const CUTOFF_HZ = 3_600;
/** How far the filter reaches on each side, in samples of the telephone. */
const REACH = 8;
/** How finely the filter is tabulated, per sample of the microphone. */
const STEPS = 64;

/** The low-pass by its distance from the middle, in steps: a windowed sinc that lets a constant through as it is. */
function lowPass(rate: number): Float32Array {
  const half = Math.ceil((REACH * rate) / TELEPHONE_RATE);
  const table = new Float32Array(half * STEPS + 1);
  const width = (2 * CUTOFF_HZ) / rate;
  for (let step = 0; step < table.length; step++) {
    const x = step / STEPS;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * width * x) / (Math.PI * width * x);
    const hann = 0.5 + 0.5 * Math.cos((Math.PI * step) / (table.length - 1));
    table[step] = width * sinc * hann;
  }
  return table;
}

/** Brings what a microphone hears to the telephone's rate, piece by piece, without a seam between them. */
export class Downsampler {
  private readonly table: Float32Array;
  private readonly half: number;
  private readonly ratio: number;
  /** What later samples still need. */
  private kept: Float32Array;
  /** Where the next sample lies in it. */
  private at: number;

  constructor(rate: number) {
    this.table = lowPass(rate);
    this.half = (this.table.length - 1) / STEPS;
    this.ratio = rate / TELEPHONE_RATE;
    this.kept = new Float32Array(this.half);
    this.at = this.half;
  }

  /** The samples that are complete with this piece. */
  push(piece: Float32Array): Float32Array {
    const all = new Float32Array(this.kept.length + piece.length);
    all.set(this.kept);
    all.set(piece, this.kept.length);
    const made: number[] = [];
    while (this.at + this.half < all.length) {
      made.push(this.filtered(all, this.at));
      this.at += this.ratio;
    }
    const from = Math.max(0, Math.ceil(this.at) - this.half);
    this.kept = all.slice(from);
    this.at -= from;
    return Float32Array.from(made);
  }

  private filtered(all: Float32Array, at: number): number {
    let sum = 0;
    const last = Math.floor(at + this.half);
    for (let n = Math.ceil(at - this.half); n <= last; n++) {
      sum += (all[n] ?? 0) * (this.table[Math.round(Math.abs(at - n) * STEPS)] ?? 0);
    }
    return sum;
  }
}
