// The server's side of the Noise XX handshake and of the encrypted frames after it.

import { aesDecryptGCM, aesEncryptGCM, Curve, hkdf, proto, sha256 } from '@whiskeysockets/baileys';

import type { Certificates } from './certificates.js';

const MODE = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0');
const HEADER = Buffer.from([87, 65, 6, 3]);

function nonce(counter: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(counter, 8);
  return bytes;
}

/** The handshake, then the transport. */
export class ServerNoise {
  #hash: Buffer = MODE;
  #salt: Buffer = MODE;
  #key: Buffer = MODE;
  #counter = 0;
  readonly #certificates: Certificates;
  readonly #ephemeral = Curve.generateKeyPair();
  #read: { readonly key: Buffer; counter: number } | null = null;
  #write: { readonly key: Buffer; counter: number } | null = null;

  constructor(certificates: Certificates) {
    this.#certificates = certificates;
    this.#authenticate(HEADER);
  }

  /** Answers the client's hello. */
  hello(clientEphemeral: Uint8Array): Uint8Array {
    this.#authenticate(clientEphemeral);
    this.#authenticate(this.#ephemeral.public);
    this.#mix(Curve.sharedKey(Buffer.from(this.#ephemeral.private), Buffer.from(clientEphemeral)));
    const fixed = this.#encrypt(this.#certificates.server.public);
    this.#mix(Curve.sharedKey(Buffer.from(this.#certificates.server.private), Buffer.from(clientEphemeral)));
    const payload = this.#encrypt(this.#certificates.chain);
    const serverHello = { ephemeral: this.#ephemeral.public, static: fixed, payload };
    return proto.HandshakeMessage.encode({ serverHello }).finish();
  }

  /** Reads the client's last word; frames are encrypted from here on. */
  finish(fixed: Uint8Array, payload: Uint8Array): proto.ClientPayload {
    const clientStatic = this.#decrypt(fixed);
    this.#mix(Curve.sharedKey(Buffer.from(this.#ephemeral.private), clientStatic));
    const decoded = proto.ClientPayload.decode(this.#decrypt(payload));
    const [read, write] = this.#split(Buffer.alloc(0));
    this.#read = { key: read, counter: 0 };
    this.#write = { key: write, counter: 0 };
    return decoded;
  }

  open(frame: Uint8Array): Buffer {
    if (!this.#read) throw new Error('a frame before the handshake was finished');
    return aesDecryptGCM(frame, this.#read.key, nonce(this.#read.counter++), Buffer.alloc(0));
  }

  seal(plain: Uint8Array): Buffer {
    if (!this.#write) throw new Error('a frame before the handshake was finished');
    return aesEncryptGCM(plain, this.#write.key, nonce(this.#write.counter++), Buffer.alloc(0));
  }

  #authenticate(data: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, data]));
  }

  #encrypt(plain: Uint8Array): Buffer {
    const sealed = aesEncryptGCM(plain, this.#key, nonce(this.#counter++), this.#hash);
    this.#authenticate(sealed);
    return sealed;
  }

  #decrypt(sealed: Uint8Array): Buffer {
    const plain = aesDecryptGCM(sealed, this.#key, nonce(this.#counter++), this.#hash);
    this.#authenticate(sealed);
    return plain;
  }

  #mix(data: Uint8Array): void {
    const [salt, key] = this.#split(data);
    this.#salt = salt;
    this.#key = key;
    this.#counter = 0;
  }

  #split(data: Uint8Array): [Buffer, Buffer] {
    const whole = Buffer.from(hkdf(Buffer.from(data), 64, { salt: this.#salt, info: '' }));
    return [whole.subarray(0, 32), whole.subarray(32)];
  }
}

/** Cuts a byte stream into frames; skips what comes before the first. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  push(bytes: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#started && !this.#skipIntro()) return [];
    const frames: Buffer[] = [];
    while (this.#rest.length >= 3) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 3 + length) break;
      frames.push(this.#rest.subarray(3, 3 + length));
      this.#rest = this.#rest.subarray(3 + length);
    }
    return frames;
  }

  #skipIntro(): boolean {
    if (this.#rest.length < 7) return false;
    if (this.#rest.subarray(0, 2).toString() === 'ED') {
      const length = 7 + this.#rest.readUIntBE(4, 3);
      if (this.#rest.length < length + HEADER.length) return false;
      this.#rest = this.#rest.subarray(length);
    }
    if (!this.#rest.subarray(0, 4).equals(HEADER)) throw new Error('not a WhatsApp client');
    this.#rest = this.#rest.subarray(4);
    this.#started = true;
    return true;
  }
}

export function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(3);
  head.writeUIntBE(bytes.length, 0, 3);
  return Buffer.concat([head, bytes]);
}
