// A customer with a phone: its own keys and ratchets, one for each business device it talks to.

import { randomBytes } from 'node:crypto';

import { Curve, generateSignalPubKey, proto, unpadRandomMax16, writeRandomPadMax16, type BinaryNode } from '@whiskeysockets/baileys';
import libsignal from 'libsignal';

/** The keys of a device as the server hands them out; public keys have 32 bytes. */
export interface Bundle {
  readonly registrationId: number;
  readonly identity: Uint8Array;
  readonly signed: { readonly id: number; readonly key: Uint8Array; readonly signature: Uint8Array };
  readonly preKey: { readonly id: number; readonly key: Uint8Array } | null;
}

interface Pair {
  readonly pubKey: Buffer;
  readonly privKey: Buffer;
}

export type Read = { readonly message: proto.Message } | { readonly error: Error };

export class Customer {
  readonly phone: string;
  readonly lid: string;
  readonly name: string;
  readonly shown = new Set<string>();
  readonly #registrationId = randomBytes(2).readUInt16BE() & 0x3fff;
  readonly #identity = pair();
  readonly #signed = pair();
  readonly #signature: Uint8Array;
  readonly #preKeys = new Map<number, Pair>();
  readonly #sessions = new Map<string, unknown>();
  /** Asked again for a message so many times. */
  readonly retries = new Map<string, number>();

  constructor(phone: string, lid: string, name: string) {
    this.phone = phone;
    this.lid = lid;
    this.name = name;
    this.#signature = Curve.sign(this.#identity.privKey, this.#signed.pubKey);
  }

  get lidJid(): string {
    return `${this.lid}@lid`;
  }

  get phoneJid(): string {
    return `${this.phone}@s.whatsapp.net`;
  }

  hasSession(device: string): boolean {
    return this.#sessions.has(address(device).toString());
  }

  /** Begins a ratchet with a device from its bundle. */
  async begin(device: string, bundle: Bundle): Promise<void> {
    await new libsignal.SessionBuilder(this.#storage(), address(device)).initOutgoing({
      registrationId: bundle.registrationId,
      identityKey: generateSignalPubKey(bundle.identity),
      signedPreKey: { keyId: bundle.signed.id, publicKey: generateSignalPubKey(bundle.signed.key), signature: Buffer.from(bundle.signed.signature) },
      ...(bundle.preKey ? { preKey: { keyId: bundle.preKey.id, publicKey: generateSignalPubKey(bundle.preKey.key) } } : {}),
    } as Parameters<InstanceType<typeof libsignal.SessionBuilder>['initOutgoing']>[0]);
  }

  async encrypt(device: string, message: proto.IMessage): Promise<BinaryNode> {
    const plain = Buffer.from(writeRandomPadMax16(proto.Message.encode(message).finish()));
    const { type, body } = await new libsignal.SessionCipher(this.#storage(), address(device)).encrypt(plain);
    return { tag: 'enc', attrs: { v: '2', type: type === 3 ? 'pkmsg' : 'msg' }, content: Buffer.from(body as unknown as Uint8Array) };
  }

  async decrypt(device: string, type: string, ciphertext: Uint8Array): Promise<Read> {
    const cipher = new libsignal.SessionCipher(this.#storage(), address(device));
    const bytes = Buffer.from(ciphertext);
    try {
      const plain = type === 'pkmsg' ? await cipher.decryptPreKeyWhisperMessage(bytes) : await cipher.decryptWhisperMessage(bytes);
      return { message: proto.Message.decode(unpadRandomMax16(plain)) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  /** A bundle with a fresh one-time key. */
  bundle(): Bundle {
    const id = this.#preKeys.size + 1;
    const key = pair();
    this.#preKeys.set(id, key);
    return {
      registrationId: this.#registrationId,
      identity: this.#identity.pubKey.subarray(1),
      signed: { id: 1, key: this.#signed.pubKey.subarray(1), signature: this.#signature },
      preKey: { id, key: key.pubKey.subarray(1) },
    };
  }

  #storage(): ConstructorParameters<typeof libsignal.SessionCipher>[0] {
    return {
      loadSession: async (id: string) => {
        const stored = this.#sessions.get(id);
        return stored === undefined ? undefined : libsignal.SessionRecord.deserialize(structuredClone(stored) as Uint8Array);
      },
      storeSession: async (id: string, record: { serialize(): unknown }) => void this.#sessions.set(id, record.serialize()),
      isTrustedIdentity: () => true,
      loadPreKey: async (id: number | string) => this.#preKeys.get(Number(id)),
      // Kept: a message that comes again with the same key can still be told from a broken one.
      removePreKey: () => undefined,
      loadSignedPreKey: () => this.#signed,
      getOurRegistrationId: () => this.#registrationId,
      getOurIdentity: () => this.#identity,
    };
  }
}

function pair(): Pair {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
  return { pubKey: Buffer.from(generateSignalPubKey(publicKey)), privKey: Buffer.from(privateKey) };
}

function address(device: string): InstanceType<typeof libsignal.ProtocolAddress> {
  return new libsignal.ProtocolAddress(device, 0);
}
