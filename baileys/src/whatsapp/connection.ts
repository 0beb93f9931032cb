// One socket to WhatsApp: the only place that makes one. A socket lives once; after it closed a new one is made.

import { Readable } from 'node:stream';

import {
  Browsers,
  downloadContentFromMessage,
  fetchLatestWaWebVersion,
  generateWAMessage,
  isJidBroadcast,
  isJidGroup,
  isJidNewsletter,
  isJidStatusBroadcast,
  makeWASocket,
  proto,
  type AuthenticationCreds,
  type BinaryNode,
  type CacheStore,
  type ConnectionState,
  type MediaType,
  type WAMessage,
  type WAMessageKey,
  type WAVersion,
} from '@whiskeysockets/baileys';

import { isLinked, keyStore, meOf, writeCreds } from './auth.js';
import { makeTappedRepository, noteStanza, type Stanzas } from './tap.js';
import { mediaOf, messageEvent, MEDIA_LIMIT } from './message.js';
import { libraryContent, type Outgoing } from './outgoing.js';
import { SILENT_LOGGER } from './quiet.js';
import type { Close, Me } from '../session/machine.js';
import { messageOf } from '../log.js';
import { Problem } from '../problem.js';
import type { SendError, SendStatus, SessionStore } from '../store/types.js';

/** WhatsApp's host for media: an address in a message is never followed elsewhere. */
const MEDIA_HOST = 'mmg.whatsapp.net';

export interface ConnectionOptions {
  readonly store: SessionStore;
  readonly creds: AuthenticationCreds;
  readonly url: string | null;
  readonly version: WAVersion | null;
  readonly connectTimeoutMs: number;
  readonly qrTimeoutMs: number | null;
  readonly groups: boolean;
  /** Outlives sockets, so that a reconnect does not begin retries anew. */
  readonly retryCounts: CacheStore;
  readonly handlers: Handlers;
}

/** What a connection tells. Nothing comes after `closed`. */
export interface Handlers {
  qr(code: string): void;
  paired(): void;
  passkey(): void;
  open(me: Me): void;
  closed(close: Close): void;
  /** Something is in the outbox. */
  events(): void;
  /** WhatsApp or a recipient said something about a message of ours. */
  receipt(waIds: readonly string[], status: SendStatus, error: SendError | null): void;
  /** The store refused a write. */
  failed(error: unknown): void;
}

export interface Prepared {
  readonly encoded: string;
}

export interface Connection {
  requestPairingCode(phone: string): Promise<string>;
  /** Encodes a message, uploading its media. */
  prepare(chat: string, content: Outgoing, waId: string, quoted: Uint8Array | null, media: Readable | null): Promise<Prepared>;
  /** Writes a prepared message to the socket. */
  relay(chat: string, encoded: string, waId: string): Promise<void>;
  typing(chat: string, state: 'composing' | 'recording' | 'paused'): Promise<void>;
  read(keys: readonly { readonly chat: string; readonly waId: string; readonly participant: string | null }[]): Promise<void>;
  /** Until when WhatsApp forbids to write to new people, milliseconds since 1970. */
  coldLockedUntil(): Promise<number | null>;
  logout(): Promise<void>;
  /** Closes without logging out. */
  end(): void;
  /** Credentials that were still being written are on the disk. */
  settled(): Promise<void>;
}

export function connect(options: ConnectionOptions): Connection {
  const { store, creds, handlers } = options;
  const stanzas: Stanzas = new WeakMap();
  let saving: Promise<void> = Promise.resolve();
  const save = () => {
    const text = writeCreds(creds);
    saving = saving.then(() => store.saveCreds(text)).catch((error: unknown) => handlers.failed(error));
  };
  const socket = makeWASocket({
    auth: { creds, keys: keyStore(store, () => handlers.events()) },
    browser: Browsers.macOS('Chrome'),
    logger: SILENT_LOGGER,
    ...(options.url === null ? {} : { waWebSocketUrl: options.url }),
    ...(options.version === null ? {} : { version: options.version }),
    ...(options.qrTimeoutMs === null ? {} : { qrTimeout: options.qrTimeoutMs }),
    connectTimeoutMs: options.connectTimeoutMs,
    // The owner's phone would stop to show notifications.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    emitOwnEvents: false,
    shouldIgnoreJid: (jid) => ignored(jid, options.groups),
    getMessage: async (key: WAMessageKey) => sentMessage(store, key),
    msgRetryCounterCache: options.retryCounts,
    makeSignalRepository: makeTappedRepository({
      stanzas,
      ownIds: () => ({ id: creds.me?.id ?? '', lid: creds.me?.lid ?? '' }),
      plain: (digest) => store.getPlain(digest),
    }),
  });
  const first = (event: string, listener: (node: BinaryNode) => void) => socket.ws.prependListener(event, listener);
  first('CB:message', (node) => noteStanza(stanzas, node));
  first('CB:receipt', (node) => readReceipt(node, handlers));
  first('CB:ack,class:message', (node) => readAck(node, handlers));
  first('CB:notification', (node) => {
    if (asksForPasskey(node)) handlers.passkey();
  });
  socket.ev.on('creds.update', (update) => {
    Object.assign(creds, update);
    save();
  });
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    const events = messages.flatMap((message) => messageEvent(message, type === 'notify' ? 'notify' : 'append') ?? []);
    if (events.length === 0) return;
    store.commit({ events }).then(
      () => handlers.events(),
      (error: unknown) => handlers.failed(error),
    );
  });
  socket.ev.on('lid-mapping.update', ({ lid, pn }) => {
    const body = { contact: { lid, id: pn, phone: pn.split('@')[0]?.split(':')[0] ?? null } };
    store.commit({ events: [{ kind: 'contact', body, dedupe: `contact:${lid}:${pn}` }] }).then(
      () => handlers.events(),
      (error: unknown) => handlers.failed(error),
    );
  });
  socket.ev.on('connection.update', (update) => readUpdate(update, creds, handlers));

  return {
    requestPairingCode: async (phone) => spelled(await socket.requestPairingCode(phone)),
    prepare: async (chat, content, waId, quoted, media) => {
      const whole = await generateWAMessage(chat, libraryContent(content, chat, media), {
        userJid: creds.me?.id ?? '',
        messageId: waId,
        logger: SILENT_LOGGER,
        upload: socket.waUploadToServer,
        ...(quoted ? { quoted: proto.WebMessageInfo.decode(quoted) as WAMessage } : {}),
      });
      if (!whole.message) throw new Error('the library encoded nothing');
      return { encoded: Buffer.from(proto.Message.encode(whole.message).finish()).toString('base64') };
    },
    relay: async (chat, encoded, waId) => {
      await socket.relayMessage(chat, proto.Message.decode(Buffer.from(encoded, 'base64')), { messageId: waId });
    },
    typing: (chat, state) => socket.sendPresenceUpdate(state, chat),
    read: (keys) => socket.readMessages(keys.map(({ chat, waId, participant }) => ({ remoteJid: chat, id: waId, fromMe: false, participant }))),
    coldLockedUntil: async () => {
      const lock = await socket.fetchAccountReachoutTimelock();
      return lock.isActive ? (lock.timeEnforcementEnds?.getTime() ?? null) : null;
    },
    logout: () => socket.logout(),
    end: () => void socket.end(undefined),
    settled: () => saving,
  };
}

/** The newest version of WhatsApp Web, or `null` when WhatsApp's page does not tell. */
export async function latestVersion(timeoutMs: number): Promise<WAVersion | null> {
  const { version, isLatest } = await fetchLatestWaWebVersion({ signal: AbortSignal.timeout(timeoutMs) });
  return isLatest ? version : null;
}

/** The media of a received message, decrypted. */
export async function openMedia(bytes: Uint8Array): Promise<{ readonly stream: Readable; readonly mime: string }> {
  const found = mediaOf(proto.WebMessageInfo.decode(bytes).message);
  if (!found) throw new Problem('not_found', 'This message has no media.');
  const { kind, media } = found;
  const size = Number(media.fileLength ?? 0);
  if (size >= MEDIA_LIMIT) throw new Problem('too_large', 'The file is too large: 100 MB and more are not taken.');
  if (!media.directPath?.startsWith('/') || !media.mediaKey) throw new Problem('gone', 'WhatsApp does not say where this media is.');
  try {
    const { mediaKey, directPath } = media;
    const stream = await downloadContentFromMessage({ mediaKey, directPath }, kind as MediaType, { host: MEDIA_HOST });
    return { stream, mime: media.mimetype ?? 'application/octet-stream' };
  } catch (error) {
    throw new Problem('gone', `WhatsApp did not hand out this media: ${messageOf(error)}`);
  }
}

function ignored(jid: string, groups: boolean): boolean {
  if (isJidGroup(jid)) return !groups;
  return Boolean(isJidStatusBroadcast(jid) || isJidBroadcast(jid) || isJidNewsletter(jid));
}

async function sentMessage(store: SessionStore, key: WAMessageKey): Promise<proto.IMessage | undefined> {
  // By the id alone: a retry may name the other form of the person.
  const outbound = key.id ? await store.outboundByWaId(key.id) : null;
  return outbound?.encoded ? proto.Message.decode(Buffer.from(outbound.encoded, 'base64')) : undefined;
}

const RECEIPTS: Readonly<Record<string, SendStatus>> = { '': 'delivered', read: 'read', played: 'played' };

function readReceipt(node: BinaryNode, handlers: Handlers): void {
  const status = RECEIPTS[node.attrs['type'] ?? ''];
  const { id } = node.attrs;
  if (status === undefined || id === undefined) return;
  const list = children(node).find((child) => child.tag === 'list');
  const more = list ? children(list).flatMap((item) => item.attrs['id'] ?? []) : [];
  handlers.receipt([id, ...more], status, null);
}

/** The library reports refusals only, so the stanza itself is read. */
function readAck(node: BinaryNode, handlers: Handlers): void {
  const { id, error } = node.attrs;
  if (id === undefined) return;
  if (error === undefined) handlers.receipt([id], 'server', null);
  else handlers.receipt([id], 'failed', { code: error, message: refusal(error) });
}

function refusal(code: string): string {
  return code === '463' ? 'WhatsApp does not let this account write to new people for now.' : `WhatsApp refused the message with error ${code}.`;
}

function asksForPasskey(node: BinaryNode): boolean {
  const asks = ['passkey_prologue_request', 'crsc_continuation'];
  return asks.includes(node.attrs['type'] ?? '') || children(node).some((child) => asks.includes(child.tag));
}

function children(node: BinaryNode): readonly BinaryNode[] {
  return Array.isArray(node.content) ? node.content : [];
}

function readUpdate(update: Partial<ConnectionState>, creds: AuthenticationCreds, handlers: Handlers): void {
  if (update.qr) handlers.qr(update.qr);
  if (update.isNewLogin && isLinked(creds)) handlers.paired();
  if (update.connection === 'open') {
    const me = meOf(creds);
    if (me) handlers.open(me);
  }
  if (update.connection === 'close') handlers.closed(readClose(update.lastDisconnect?.error));
}

/** The parts of the library's error that tell what to do. */
export function readClose(error: unknown): Close {
  const boom = (error ?? {}) as { message?: string; output?: { statusCode?: number }; data?: unknown };
  const data = (typeof boom.data === 'object' && boom.data !== null ? boom.data : {}) as Record<string, unknown>;
  const number = (value: unknown) => (value !== undefined && Number.isFinite(Number(value)) ? Number(value) : null);
  return {
    code: boom.output?.statusCode ?? null,
    text: boom.message ?? '',
    banReason: number(data['code']),
    banSeconds: number(data['expire']),
  };
}

function spelled(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
