// Linking by a code that is typed on the phone: the phone's half of the exchange.

import { createDecipheriv, randomBytes } from 'node:crypto';

import { aesDecryptCTR, aesEncryptCTR, Curve, derivePairingCodeKey, hkdf, type BinaryNode, type KeyPair } from '@whiskeysockets/baileys';

import { bytes, child } from './stanzas.js';

/** A client that waits for its code to be typed. */
export interface CodeWait {
  readonly ref: string;
  /** Salt, IV and the client's wrapped key. */
  readonly wrapped: Buffer;
}

export function readHello(request: BinaryNode, ref: string): CodeWait {
  return { ref, wrapped: bytes(child(request, 'link_code_pairing_wrapped_companion_ephemeral_pub')) };
}

export class PhoneHalf {
  readonly #identity = Curve.generateKeyPair();
  readonly #ephemeral = Curve.generateKeyPair();
  readonly #shared: Buffer;
  readonly #wrapped: Buffer;
  readonly #ref: string;

  private constructor(ref: string, companion: Buffer, wrap: (pub: Uint8Array) => Buffer) {
    this.#ref = ref;
    this.#shared = Curve.sharedKey(Buffer.from(this.#ephemeral.private), companion);
    this.#wrapped = wrap(this.#ephemeral.public);
  }

  /** Types the code, `XXXXXXXX`. */
  static async type(code: string, wait: CodeWait): Promise<PhoneHalf> {
    const theirs = await derivePairingCodeKey(code, wait.wrapped.subarray(0, 32));
    const companion = aesDecryptCTR(wait.wrapped.subarray(48), theirs, wait.wrapped.subarray(32, 48));
    const salt = randomBytes(32);
    const iv = randomBytes(16);
    const ours = await derivePairingCodeKey(code, salt);
    return new PhoneHalf(wait.ref, companion, (pub) => Buffer.concat([salt, iv, aesEncryptCTR(pub, ours, iv)]));
  }

  get identity(): KeyPair {
    return this.#identity;
  }

  notification(id: string): BinaryNode {
    return {
      tag: 'notification',
      attrs: { id, from: 's.whatsapp.net', type: 'link_code_companion_reg', t: String(Math.floor(Date.now() / 1000)) },
      content: [
        {
          tag: 'link_code_companion_reg',
          attrs: { stage: 'primary_hello' },
          content: [
            { tag: 'link_code_pairing_ref', attrs: {}, content: Buffer.from(this.#ref) },
            { tag: 'primary_identity_pub', attrs: {}, content: this.#identity.public },
            { tag: 'link_code_pairing_wrapped_primary_ephemeral_pub', attrs: {}, content: this.#wrapped },
          ],
        },
      ],
    };
  }

  /** Opens the client's last word; with a wrong code it does not open. */
  finish(request: BinaryNode): { readonly devicePublic: Buffer; readonly advSecret: Buffer } {
    const bundle = bytes(child(request, 'link_code_pairing_wrapped_key_bundle'));
    const devicePublic = bytes(child(request, 'companion_identity_public'));
    const key = Buffer.from(hkdf(this.#shared, 32, { salt: bundle.subarray(0, 32), info: 'link_code_pairing_key_bundle_encryption_key' }));
    const cipher = createDecipheriv('aes-256-gcm', key, bundle.subarray(32, 44));
    cipher.setAuthTag(bundle.subarray(-16));
    const plain = Buffer.concat([cipher.update(bundle.subarray(44, -16)), cipher.final()]);
    if (!plain.subarray(0, 32).equals(devicePublic)) throw new Error('the bundle names another device');
    const identityShared = Curve.sharedKey(Buffer.from(this.#identity.private), devicePublic);
    const random = plain.subarray(64, 96);
    const advSecret = Buffer.from(hkdf(Buffer.concat([this.#shared, identityShared, random]), 32, { info: 'adv_secret' }));
    return { devicePublic, advSecret };
  }
}
