import { FRAME_BYTES, encode } from './mulaw';
import { Downsampler } from './resample';

/** Makes frames for the telephone of what the microphone hears. */
export class Uplink {
  private readonly downsampler: Downsampler;
  private frame = new Uint8Array(FRAME_BYTES);
  private filled = 0;

  constructor(
    rate: number,
    private readonly send: (frame: Uint8Array<ArrayBuffer>) => void,
  ) {
    this.downsampler = new Downsampler(rate);
  }

  /** Takes what was heard next. */
  push(piece: Float32Array): void {
    for (const sample of this.downsampler.push(piece)) {
      this.frame[this.filled++] = encode(sample);
      if (this.filled === FRAME_BYTES) {
        this.send(this.frame);
        this.frame = new Uint8Array(FRAME_BYTES);
        this.filled = 0;
      }
    }
  }
}
