// Sealing per business: AES-256-GCM under a key derived for the business, bound to the place of the record.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;

/** The keys of one business. */
export class Seal {
  readonly #key: Buffer;
  readonly #names: Buffer;
  readonly #business: string;

  constructor(storeKey: Uint8Array, business: string) {
    const derive = (use: string) => Buffer.from(hkdfSync('sha256', storeKey, 'prosaas-sidecar-1', `${use}:${business}`, 32));
    this.#key = derive('records');
    this.#names = derive('names');
    this.#business = business;
  }

  /** A name that says nothing: ids of people do not stand in the file. */
  name(...parts: readonly string[]): string {
    return createHmac('sha256', this.#names).update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  }

  /** Seals a record for its place; moved elsewhere, or to another business, it does not open. */
  seal(place: string, plain: Uint8Array): Buffer {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(this.#bound(place));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** Opens what `seal` made; throws when key, business or place differ, or a bit was changed. */
  open(place: string, sealed: Uint8Array): Buffer {
    if (sealed.length < NONCE + TAG) throw new Error('a sealed record is too short');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE));
    decipher.setAAD(this.#bound(place));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()]);
  }

  #bound(place: string): Buffer {
    return Buffer.from(JSON.stringify([this.#business, place]));
  }
}
