// One session in LMDB. Each write checks the fence inside its own transaction.

import { randomUUID } from 'node:crypto';

import { readEpoch, stamped, unstamped, type Table, type Tables } from './lmdb.js';
import type { Seal } from './seal.js';
import {
  FencedError,
  STATUSES,
  type Batch,
  type NewEvent,
  type NewOutbound,
  type Outbound,
  type OutboundChange,
  type Policy,
  type SendStatus,
  type SessionInfo,
  type SessionStore,
  type StoredEvent,
} from './types.js';

const DEFAULT_POLICY: Policy = { strangers: 'never', groups: false };
/** What stands in `seen` for a message that could not be read yet. */
const UNREADABLE = Buffer.from('u');
const READ = Buffer.from('r');

export class LmdbSession implements SessionStore {
  readonly business: string;
  readonly epoch: number;
  readonly #tables: Tables;
  readonly #seal: Seal;
  readonly #now: () => number;

  constructor(tables: Tables, seal: Seal, business: string, epoch: number, now: () => number) {
    this.#tables = tables;
    this.#seal = seal;
    this.business = business;
    this.epoch = epoch;
    this.#now = now;
  }

  async info(): Promise<SessionInfo> {
    return this.#info();
  }

  async update(change: Partial<Pick<SessionInfo, 'active' | 'policy' | 'parked'>>): Promise<void> {
    this.#write(() => {
      const { active, policy, parked } = { ...this.#info(), ...change };
      this.#putJson(this.#tables.sessions, this.business, { active, policy, parked });
    });
  }

  async loadCreds(): Promise<string | null> {
    return this.#get(this.#tables.creds, this.business)?.toString() ?? null;
  }

  async saveCreds(text: string): Promise<void> {
    this.#write(() => this.#put(this.#tables.creds, this.business, Buffer.from(text)));
  }

  async getKeys(type: string, ids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const id of ids) {
      const value = this.#get(this.#tables.keys, this.#key(type, id));
      if (value) found.set(id, value.toString());
    }
    return found;
  }

  async commit(batch: Batch): Promise<void> {
    this.#write(() => {
      for (const { type, id, value } of batch.keys ?? []) {
        const key = this.#key(type, id);
        if (value === null) this.#tables.keys.removeSync(key);
        else this.#put(this.#tables.keys, key, Buffer.from(value));
      }
      for (const { digest, bytes } of batch.plain ?? []) {
        this.#putStamped(this.#tables.plain, this.#key(digest), bytes);
      }
      for (const event of batch.events ?? []) this.#addEvent(event);
    });
  }

  async getPlain(digest: string): Promise<Uint8Array | null> {
    return this.#getStamped(this.#tables.plain, this.#key(digest));
  }

  async archiveAuth(): Promise<void> {
    this.#write(() => {
      const creds = this.#get(this.#tables.creds, this.business);
      if (creds) {
        this.#put(this.#tables.archive, `${this.business}/${number(this.#now())}`, creds);
        this.#tables.creds.removeSync(this.business);
      }
      for (const key of this.#keysOf(this.#tables.keys)) this.#tables.keys.removeSync(key);
    });
  }

  async pendingEvents(limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (const key of this.#keysOf(this.#tables.outbox, limit)) {
      const value = this.#get(this.#tables.outbox, key);
      if (value) events.push(JSON.parse(value.toString()) as StoredEvent);
    }
    return events;
  }

  async ackEvents(seq: number): Promise<void> {
    this.#write(() => {
      for (const key of this.#keysOf(this.#tables.outbox)) {
        if (numberOf(key) > seq) break;
        this.#tables.outbox.removeSync(key);
      }
    });
  }

  async undelivered(): Promise<number> {
    return count(this.#keysOf(this.#tables.outbox));
  }

  async enqueue(message: NewOutbound): Promise<{ readonly outbound: Outbound; readonly isNew: boolean }> {
    return this.#write(() => {
      const known = this.#outboundAt(this.#tables.outboundIds.get(this.#key('id', message.messageId)));
      if (known) return { outbound: known, isNew: false };
      const outbound: Outbound = {
        ...message,
        n: this.#next('outbound'),
        status: 'queued',
        error: null,
        attempts: 0,
        encoded: null,
        createdAt: this.#now(),
      };
      this.#putOutbound(outbound);
      const pointer = Buffer.from(String(outbound.n));
      this.#tables.outboundIds.putSync(this.#key('id', message.messageId), pointer);
      this.#tables.outboundIds.putSync(this.#key('wa', message.waId), pointer);
      this.#tables.queue.putSync(this.#place(outbound.n), pointer);
      return { outbound, isNew: true };
    });
  }

  async unconfirmed(limit: number): Promise<Outbound[]> {
    const found: Outbound[] = [];
    for (const key of this.#keysOf(this.#tables.queue, limit)) {
      const outbound = this.#outboundAt(this.#tables.queue.get(key));
      if (outbound) found.push(outbound);
    }
    return found;
  }

  async queued(): Promise<number> {
    return count(this.#keysOf(this.#tables.queue));
  }

  async outboundById(messageId: string): Promise<Outbound | null> {
    return this.#outboundAt(this.#tables.outboundIds.get(this.#key('id', messageId)));
  }

  async outboundByWaId(waId: string): Promise<Outbound | null> {
    return this.#outboundAt(this.#tables.outboundIds.get(this.#key('wa', waId)));
  }

  async changeOutbound(n: number, change: OutboundChange): Promise<Outbound | null> {
    return this.#write(() => {
      const before = this.#outboundAt(Buffer.from(String(n)));
      if (!before) return null;
      const moves = change.status !== undefined && movesOn(before.status, change.status);
      const after: Outbound = { ...before, ...change, status: moves ? (change.status ?? before.status) : before.status };
      this.#putOutbound(after);
      if (!moves) return after;
      if (after.status !== 'queued' && after.status !== 'sent') this.#tables.queue.removeSync(this.#place(n));
      const { messageId, waId, status, error } = after;
      this.#addEvent({ kind: 'receipt', body: { receipt: { message_id: messageId, wa_id: waId, status, error } }, dedupe: null });
      return after;
    });
  }

  async isKnown(chat: string): Promise<boolean> {
    return this.#tables.known.doesExist(this.#key('known', chat));
  }

  async original(waId: string): Promise<Uint8Array | null> {
    return this.#getStamped(this.#tables.originals, this.#key('original', waId));
  }

  /** Forgets messages of ours that were queued before `until` and are finished. */
  sweepOutbound(until: number): number {
    return this.#write(() => {
      let removed = 0;
      for (const key of this.#keysOf(this.#tables.outbound)) {
        const outbound = this.#outboundAt(Buffer.from(String(numberOf(key))));
        if (!outbound || outbound.createdAt >= until) break;
        if (this.#tables.queue.doesExist(this.#place(outbound.n))) continue;
        this.#tables.outbound.removeSync(key);
        this.#tables.outboundIds.removeSync(this.#key('id', outbound.messageId));
        this.#tables.outboundIds.removeSync(this.#key('wa', outbound.waId));
        removed += 1;
      }
      return removed;
    });
  }

  /** Runs `act` in a transaction of its own, behind the fence. */
  #write<T>(act: () => T): T {
    return this.#tables.env.transactionSync(() => {
      const newest = readEpoch(this.#tables, this.business);
      if (newest !== this.epoch) throw new FencedError(this.business, this.epoch, newest);
      return act();
    });
  }

  #info(): SessionInfo {
    const stored = this.#get(this.#tables.sessions, this.business);
    const { active, policy, parked } = stored
      ? (JSON.parse(stored.toString()) as Pick<SessionInfo, 'active' | 'policy' | 'parked'>)
      : { active: true, policy: DEFAULT_POLICY, parked: null };
    return { business: this.business, epoch: this.epoch, active, policy, parked };
  }

  #addEvent(event: NewEvent): void {
    let kind = event.kind;
    if (event.dedupe !== null) {
      const seen = this.#key('seen', event.dedupe);
      const before = this.#tables.seen.get(seen);
      if (before) {
        const wasUnreadable = unstamped(before).equals(UNREADABLE);
        if (!wasUnreadable || event.unreadable) return;
        kind = 'message_update';
      }
      this.#tables.seen.putSync(seen, stamped(this.#now(), event.unreadable ? UNREADABLE : READ));
    }
    const seq = this.#next('outbox');
    const stored = { event_id: randomUUID(), seq, kind, created_at: this.#now(), ...event.body };
    this.#putJson(this.#tables.outbox, this.#place(seq), stored);
    if (event.original) this.#putStamped(this.#tables.originals, this.#key('original', event.original.waId), event.original.bytes);
    for (const id of event.knows ?? []) this.#tables.known.putSync(this.#key('known', id), READ);
  }

  #next(counter: 'outbox' | 'outbound'): number {
    const key = `${this.business}/${counter}`;
    const next = Number(this.#tables.counters.get(key)?.toString() ?? 0) + 1;
    this.#tables.counters.putSync(key, Buffer.from(String(next)));
    return next;
  }

  #outboundAt(pointer: Buffer | undefined): Outbound | null {
    if (!pointer) return null;
    const value = this.#get(this.#tables.outbound, this.#place(Number(pointer.toString())));
    return value ? (JSON.parse(value.toString()) as Outbound) : null;
  }

  #putOutbound(outbound: Outbound): void {
    this.#putJson(this.#tables.outbound, this.#place(outbound.n), outbound);
  }

  #key(...parts: readonly string[]): string {
    return `${this.business}/${this.#seal.name(...parts)}`;
  }

  #place(n: number): string {
    return `${this.business}/${number(n)}`;
  }

  #keysOf(table: Table, limit?: number): string[] {
    const range = { start: `${this.business}/`, end: `${this.business}0`, ...(limit === undefined ? {} : { limit }) };
    return [...table.getKeys(range)];
  }

  #get(table: Table, key: string): Buffer | null {
    const sealed = table.get(key);
    return sealed ? this.#seal.open(place(table, key), sealed) : null;
  }

  #put(table: Table, key: string, plain: Uint8Array): void {
    table.putSync(key, this.#seal.seal(place(table, key), plain));
  }

  #putJson(table: Table, key: string, value: object): void {
    this.#put(table, key, Buffer.from(JSON.stringify(value)));
  }

  #getStamped(table: Table, key: string): Buffer | null {
    const record = table.get(key);
    return record ? this.#seal.open(place(table, key), unstamped(record)) : null;
  }

  #putStamped(table: Table, key: string, plain: Uint8Array): void {
    table.putSync(key, stamped(this.#now(), this.#seal.seal(place(table, key), plain)));
  }
}

/** Whether a message may go from one status to another: only forward, and a failure only before it was delivered. */
export function movesOn(from: SendStatus, to: SendStatus): boolean {
  if (from === 'failed') return false;
  const at = STATUSES.indexOf(from);
  if (to === 'failed') return at <= STATUSES.indexOf('server');
  return STATUSES.indexOf(to) > at;
}

/** Where a record stands: the seal is bound to it. */
function place(table: Table, key: string): string {
  return `${table.name}:${key}`;
}

/** Sorts as text in the order of the numbers. */
function number(n: number): string {
  return String(n).padStart(16, '0');
}

function numberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}

function count(keys: readonly string[]): number {
  return keys.length;
}
