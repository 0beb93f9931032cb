// The store on the sidecar's volume: one LMDB file, every change a synced transaction, every record sealed.

import { open, type Database, type RootDatabase } from 'lmdb';

import { FolderLock } from './lock.js';
import { LmdbSession } from './lmdb-session.js';
import { Seal } from './seal.js';
import { FencedError, type AuthStore, type SessionInfo, type SessionStore } from './types.js';

/** Days for which sent and received messages are kept: retries of recipients, quotes, media. */
const KEEP_MESSAGES_MS = 14 * 24 * 3_600_000;
/** For how long a redelivery of a message is recognised. */
const KEEP_SEEN_MS = 60 * 24 * 3_600_000;
/** For how long a decrypted message waits for a redelivery. */
const KEEP_PLAIN_MS = 7 * 24 * 3_600_000;

/** The library sets the name and leaves it out of its types. */
export type Table = Database<Buffer, string> & { readonly name: string };

/** Tables by what they hold. Keys are `business/…`. */
export interface Tables {
  readonly env: RootDatabase<Buffer, string>;
  /** Business to its highest epoch: the fence. */
  readonly epochs: Table;
  readonly sessions: Table;
  readonly creds: Table;
  readonly archive: Table;
  readonly keys: Table;
  readonly plain: Table;
  readonly seen: Table;
  readonly outbox: Table;
  readonly counters: Table;
  readonly outbound: Table;
  readonly outboundIds: Table;
  readonly queue: Table;
  readonly originals: Table;
  readonly known: Table;
  readonly meta: Table;
}

export class LmdbStore implements AuthStore {
  readonly #tables: Tables;
  readonly #storeKey: Uint8Array;
  readonly #lock: FolderLock;
  readonly #now: () => number;

  private constructor(tables: Tables, storeKey: Uint8Array, lock: FolderLock, now: () => number) {
    this.#tables = tables;
    this.#storeKey = storeKey;
    this.#lock = lock;
    this.#now = now;
  }

  /** Opens or makes the store in `folder`, for this process alone. */
  static async open(folder: string, storeKey: Uint8Array, now: () => number): Promise<LmdbStore> {
    const lock = await FolderLock.take(folder);
    const env = open<Buffer, string>({
      path: `${folder}/store`,
      maxDbs: 20,
      encoding: 'binary',
      keyEncoding: 'ordered-binary',
      // A commit is on the disk when it returns: a receipt that goes out after it tells the truth.
      overlappingSync: false,
    });
    const table = (name: string): Table => env.openDB<Buffer, string>({ name, encoding: 'binary' }) as Table;
    const tables: Tables = {
      env,
      epochs: table('epochs'),
      sessions: table('sessions'),
      creds: table('creds'),
      archive: table('archive'),
      keys: table('keys'),
      plain: table('plain'),
      seen: table('seen'),
      outbox: table('outbox'),
      counters: table('counters'),
      outbound: table('outbound'),
      outboundIds: table('outbound-ids'),
      queue: table('queue'),
      originals: table('originals'),
      known: table('known'),
      meta: table('meta'),
    };
    return new LmdbStore(tables, storeKey, lock, now);
  }

  async own(business: string, epoch: number): Promise<SessionStore> {
    this.#tables.env.transactionSync(() => {
      const newest = readEpoch(this.#tables, business);
      if (epoch < newest) throw new FencedError(business, epoch, newest);
      if (epoch > newest) this.#tables.epochs.putSync(business, Buffer.from(String(epoch)));
    });
    return this.#session(business, epoch);
  }

  async sessions(): Promise<SessionInfo[]> {
    const found: SessionInfo[] = [];
    for (const business of this.#tables.epochs.getKeys()) {
      found.push(await this.#session(business, readEpoch(this.#tables, business)).info());
    }
    return found;
  }

  async loadVersion(): Promise<string | null> {
    return this.#tables.meta.get('version')?.toString() ?? null;
  }

  async saveVersion(text: string): Promise<void> {
    this.#tables.env.transactionSync(() => this.#tables.meta.putSync('version', Buffer.from(text)));
  }

  async probe(): Promise<void> {
    this.#tables.env.transactionSync(() => this.#tables.meta.putSync('probe', Buffer.from(String(this.#now()))));
  }

  async sweep(): Promise<number> {
    const now = this.#now();
    const ages: [Table, number][] = [
      [this.#tables.originals, KEEP_MESSAGES_MS],
      [this.#tables.plain, KEEP_PLAIN_MS],
      [this.#tables.seen, KEEP_SEEN_MS],
    ];
    let removed = 0;
    this.#tables.env.transactionSync(() => {
      for (const [table, age] of ages) {
        for (const { key, value } of table.getRange()) {
          if (now - readStamp(value) > age) {
            table.removeSync(key);
            removed += 1;
          }
        }
      }
    });
    for (const business of this.#tables.epochs.getKeys()) {
      removed += this.#session(business, readEpoch(this.#tables, business)).sweepOutbound(now - KEEP_MESSAGES_MS);
    }
    return removed;
  }

  async close(): Promise<void> {
    await this.#tables.env.close();
    await this.#lock.release();
  }

  #session(business: string, epoch: number): LmdbSession {
    return new LmdbSession(this.#tables, new Seal(this.#storeKey, business), business, epoch, this.#now);
  }
}

/** The highest epoch that owned the business, 0 when none did. */
export function readEpoch(tables: Tables, business: string): number {
  return Number(tables.epochs.get(business)?.toString() ?? 0);
}

/** A record with the time it was written in front, so that a sweep needs no key. */
export function stamped(now: number, sealed: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(now));
  return Buffer.concat([head, sealed]);
}

export function readStamp(record: Uint8Array): number {
  return Number(Buffer.from(record).readBigUInt64BE(0));
}

export function unstamped(record: Uint8Array): Buffer {
  return Buffer.from(record).subarray(8);
}
