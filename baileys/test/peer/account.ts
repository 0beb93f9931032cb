// A business's account: its phone, the one device that is linked, and what waits for that device.

import { createHmac } from 'node:crypto';

import { Curve, proto, type BinaryNode } from '@whiskeysockets/baileys';

import type { Bundle } from './customer.js';
import type { Upload } from './stanzas.js';

export class Account {
  readonly phone: string;
  readonly lid: string;
  readonly name: string;
  /** Number of the linked device; 0 while there is none. */
  device = 0;
  readonly #key = Curve.generateKeyPair();
  #upload: Upload | null = null;
  #preKeys: NonNullable<Bundle['preKey']>[] = [];
  /** Stanzas that the device has not taken, by the id of their message, or by `receiptName`. */
  readonly waiting = new Map<string, BinaryNode>();
  /** What customers wrote, in case the device cannot read it. */
  readonly written = new Map<string, proto.IMessage>();

  constructor(phone: string, lid: string, name: string) {
    this.phone = phone;
    this.lid = lid;
    this.name = name;
  }

  get deviceJid(): string {
    return `${this.phone}:${this.device}@s.whatsapp.net`;
  }

  get deviceLid(): string {
    return `${this.lid}:${this.device}@lid`;
  }

  upload(upload: Upload): void {
    this.#upload = upload;
    this.#preKeys.push(...upload.preKeys);
  }

  rotate(signed: Bundle['signed']): void {
    if (this.#upload) this.#upload = { ...this.#upload, base: { ...this.#upload.base, signed } };
  }

  get preKeysLeft(): number {
    return this.#preKeys.length;
  }

  get hasKeys(): boolean {
    return this.#upload !== null;
  }

  /** The device's bundle; a one-time key is handed out once. */
  bundle(): Bundle {
    if (!this.#upload) throw new Error('the device has uploaded no keys');
    return { ...this.#upload.base, preKey: this.#preKeys.shift() ?? null };
  }

  /** A new device: what the old one had is of no use. */
  link(): void {
    this.device += 1;
    this.#upload = null;
    this.#preKeys = [];
    this.waiting.clear();
  }

  /** The signed identity that a scan gives to the device. */
  identity(devicePublic: Uint8Array, advSecret: Uint8Array): Uint8Array {
    const details = proto.ADVDeviceIdentity.encode({ rawId: 1, timestamp: Math.floor(Date.now() / 1000), keyIndex: this.device }).finish();
    const accountSignature = Curve.sign(Buffer.from(this.#key.private), Buffer.concat([Buffer.from([6, 0]), details, devicePublic]));
    const signed = proto.ADVSignedDeviceIdentity.encode({ details, accountSignatureKey: this.#key.public, accountSignature }).finish();
    const hmac = createHmac('sha256', advSecret).update(signed).digest();
    return proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish();
  }
}
