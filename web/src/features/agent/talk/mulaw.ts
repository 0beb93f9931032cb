/** Bytes in 20 ms of telephone sound. */
export const FRAME_BYTES = 160;
/** Samples of telephone sound in a second; mu-law has a byte for each. */
export const TELEPHONE_RATE = 8_000;

const BIAS = 33;
const LARGEST = 8_158;

/** A sample between -1 and 1 as a byte of mu-law (ITU-T G.711, 14 bits). */
export function encode(sample: number): number {
  const sign = sample < 0 ? 0x00 : 0x80;
  const magnitude = Math.min(Math.round(Math.abs(sample) * 8_192), LARGEST) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 5;
  const mantissa = (magnitude >> (exponent + 1)) & 0x0f;
  return sign | (~((exponent << 4) | mantissa) & 0x7f);
}

/** A byte of mu-law as a sample between -1 and 1. */
export function decode(byte: number): number {
  const bits = ~byte & 0x7f;
  const magnitude = ((((bits & 0x0f) << 1) + BIAS) << (bits >> 4)) - BIAS;
  return (byte & 0x80 ? magnitude : -magnitude) / 8_192;
}

/** Sound of the agent as samples. */
export function decodeAll(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bytes, decode);
}
