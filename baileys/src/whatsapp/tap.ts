// Closes the window in which Baileys could lose a message.
//
// Baileys decrypts, commits the ratchet, tells WhatsApp "received", and only then emits the message, perhaps later from a
// buffer. A process that dies in between has lost it: WhatsApp does not send it again, and the ratchet cannot decrypt it
// again. So the message becomes an event of our outbox in the very transaction that commits the ratchet, before anything
// is said to WhatsApp; and the plain text is kept, so that a redelivery of the same ciphertext is readable although the
// ratchet has moved on.

import { createHash } from 'node:crypto';

import {
  DEFAULT_CONNECTION_CONFIG,
  decodeMessageNode,
  proto,
  unpadRandomMax16,
  type BinaryNode,
  type SignalDataSet,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
} from '@whiskeysockets/baileys';
import { messageEvent } from './message.js';
import type { NewEvent } from '../store/types.js';

/** A kind of key that only our own store knows: it travels through the library's transaction. */
export const TAPPED = 'prosaas-tapped';

/** What the tap adds to a transaction. */
export interface Tapped {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly event: NewEvent | null;
}

type MakeRepository = SocketConfig['makeSignalRepository'];

/** Ciphertexts to the stanzas they came in; an entry lives as long as its stanza. */
export type Stanzas = WeakMap<Uint8Array, BinaryNode>;

/** Notes the ciphertexts of a stanza before the library handles it. */
export function noteStanza(stanzas: Stanzas, stanza: BinaryNode): void {
  if (!Array.isArray(stanza.content)) return;
  for (const child of stanza.content) {
    if (child.tag === 'enc' && child.content instanceof Uint8Array) stanzas.set(child.content, stanza);
  }
}

export interface TapOptions {
  readonly stanzas: Stanzas;
  readonly ownIds: () => { readonly id: string; readonly lid: string };
  readonly plain: (digest: string) => Promise<Uint8Array | null>;
}

/** The library's own repository with the tap around its decryption. */
export function makeTappedRepository(options: TapOptions): MakeRepository {
  return (auth, logger, pnToLid) => {
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, pnToLid);
    // The library hands over the store with transactions, whatever its type says.
    const keys = auth.keys as SignalKeyStoreWithTransaction;
    const tap = async (ciphertext: Uint8Array, lock: string, decrypt: () => Promise<Uint8Array>): Promise<Uint8Array> => {
      const digest = createHash('sha256').update(ciphertext).digest('hex');
      const before = await options.plain(digest);
      if (before) return before;
      return keys.transaction(async () => {
        const bytes = await decrypt();
        const tapped: Tapped = { digest, bytes, event: eventOf(options, ciphertext, bytes) };
        await keys.set({ [TAPPED]: { [digest]: tapped } } as unknown as SignalDataSet);
        return bytes;
      }, lock);
    };
    return {
      ...repository,
      decryptMessage: (message) => tap(message.ciphertext, message.jid, () => repository.decryptMessage(message)),
      decryptGroupMessage: (message) => tap(message.msg, message.group, () => repository.decryptGroupMessage(message)),
    };
  };
}

function eventOf(options: TapOptions, ciphertext: Uint8Array, bytes: Uint8Array): NewEvent | null {
  const stanza = options.stanzas.get(ciphertext);
  if (!stanza) return null;
  const { id, lid } = options.ownIds();
  const { fullMessage } = decodeMessageNode(stanza, id, lid);
  const decoded = proto.Message.decode(unpadRandomMax16(bytes));
  fullMessage.message = decoded.deviceSentMessage?.message ?? decoded;
  return messageEvent(fullMessage, stanza.attrs['offline'] === undefined ? 'notify' : 'append');
}
