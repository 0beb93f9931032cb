// What a session keeps, whoever keeps it. `lmdb.ts` is the store on the sidecar's volume; a store held by
// the backend would implement the same two interfaces.

/** The session was given to a newer owner: whatever was to be written is refused. */
export class FencedError extends Error {
  constructor(business: string, epoch: number, newest: number) {
    super(`the session of ${business} belongs to epoch ${newest}; epoch ${epoch} may not write any more`);
  }
}

export interface Policy {
  /** Whether a message that asks for it may go to somebody who never wrote. */
  readonly strangers: 'never' | 'asked';
  /** Whether messages of groups are taken. */
  readonly groups: boolean;
}

/** What is known of a session without its keys. */
export interface SessionInfo {
  readonly business: string;
  readonly epoch: number;
  /** Whether it starts by itself after a restart. */
  readonly active: boolean;
  readonly policy: Policy;
  /** A state that outlives the process, as JSON of the machine's own; `null` when none does. */
  readonly parked: string | null;
}

/** One change of a key: `value` is text as the library serialises it, `null` deletes. */
export interface KeyChange {
  readonly type: string;
  readonly id: string;
  readonly value: string | null;
}

/** Something the backend must learn. */
export interface NewEvent {
  readonly kind: 'message' | 'message_update' | 'receipt' | 'state' | 'contact';
  /** The event's own fields of PROTOCOL.md. */
  readonly body: object;
  /** Stops the same message from becoming a second event; `null` when nothing can double it. */
  readonly dedupe: string | null;
  /** The message could not be read: a readable one with the same `dedupe` follows as an update. */
  readonly unreadable?: boolean;
  /** A received message as the library encodes it, kept for quotes and media. */
  readonly original?: { readonly waId: string; readonly bytes: Uint8Array };
  /** Ids of the person who wrote: no stranger any more. */
  readonly knows?: readonly string[];
}

export interface StoredEvent {
  readonly event_id: string;
  readonly seq: number;
  readonly kind: string;
  readonly created_at: number;
}

/** All or nothing. */
export interface Batch {
  readonly keys?: readonly KeyChange[];
  /** Decrypted messages by the digest of their ciphertext: a redelivery finds them here. */
  readonly plain?: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
  readonly events?: readonly NewEvent[];
}

export const STATUSES = ['queued', 'sent', 'server', 'delivered', 'read', 'played'] as const;
export type SendStatus = (typeof STATUSES)[number] | 'failed';

export interface SendError {
  readonly code: string;
  readonly message: string;
}

/** A message of ours on its way. */
export interface Outbound {
  /** Place in the session's queue. */
  readonly n: number;
  readonly messageId: string;
  readonly waId: string;
  readonly chat: string;
  readonly quoted: string | null;
  /** The content of the request as JSON: the same id with another one is a conflict. */
  readonly content: string;
  readonly status: SendStatus;
  readonly error: SendError | null;
  readonly attempts: number;
  /** The message as it was first encoded, base64: a second try sends the same, and so does a recipient's retry. */
  readonly encoded: string | null;
  readonly createdAt: number;
}

export type NewOutbound = Pick<Outbound, 'messageId' | 'waId' | 'chat' | 'quoted' | 'content'>;
export type OutboundChange = Partial<Pick<Outbound, 'status' | 'error' | 'attempts' | 'encoded'>>;

/** The store of one session under one epoch. Every write fails with `FencedError` once a newer epoch is known. */
export interface SessionStore {
  readonly business: string;
  readonly epoch: number;

  info(): Promise<SessionInfo>;
  update(change: Partial<Pick<SessionInfo, 'active' | 'policy' | 'parked'>>): Promise<void>;

  /** Credentials as text, `null` when nothing was ever begun. */
  loadCreds(): Promise<string | null>;
  saveCreds(text: string): Promise<void>;
  /** The values of those ids that exist. */
  getKeys(type: string, ids: readonly string[]): Promise<Map<string, string>>;
  commit(batch: Batch): Promise<void>;
  getPlain(digest: string): Promise<Uint8Array | null>;
  /** Puts the credentials aside and forgets the keys. */
  archiveAuth(): Promise<void>;

  /** The oldest events that are not acknowledged, in order. */
  pendingEvents(limit: number): Promise<StoredEvent[]>;
  /** Forgets events up to and with `seq`. */
  ackEvents(seq: number): Promise<void>;
  undelivered(): Promise<number>;

  /** Queues a message, or returns the one with this id that is there already. */
  enqueue(message: NewOutbound): Promise<{ readonly outbound: Outbound; readonly isNew: boolean }>;
  /** Messages that WhatsApp has not confirmed, in order. */
  unconfirmed(limit: number): Promise<Outbound[]>;
  queued(): Promise<number>;
  outboundById(messageId: string): Promise<Outbound | null>;
  outboundByWaId(waId: string): Promise<Outbound | null>;
  /** Changes a message and tells the backend in the same transaction when its status moved. A status never moves back. */
  changeOutbound(n: number, change: OutboundChange): Promise<Outbound | null>;

  isKnown(chat: string): Promise<boolean>;
  original(waId: string): Promise<Uint8Array | null>;
}

/** The store of all sessions. */
export interface AuthStore {
  /** Takes a session over under `epoch`; `FencedError` when a newer one is known. */
  own(business: string, epoch: number): Promise<SessionStore>;
  sessions(): Promise<SessionInfo[]>;
  /** The version of WhatsApp Web that last worked. */
  loadVersion(): Promise<string | null>;
  saveVersion(text: string): Promise<void>;
  /** Fails when nothing can be written. */
  probe(): Promise<void>;
  /** Forgets what is too old to be needed. */
  sweep(): Promise<number>;
  close(): Promise<void>;
}
