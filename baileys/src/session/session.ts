// One session alive: feeds the machine, does what it says, and owns the socket, the timer and the two queues.

import { randomBytes } from 'node:crypto';

import type { CacheStore, WAVersion } from '@whiskeysockets/baileys';

import type { Backend } from '../backend.js';
import type { Config } from '../config.js';
import { messageOf, type Log } from '../log.js';
import type { Metrics } from '../metrics.js';
import { Problem } from '../problem.js';
import { FencedError, type Outbound, type Policy, type SendError, type SendStatus, type SessionStore } from '../store/types.js';
import { isLinked, meOf, newCreds, readCreds, writeCreds } from '../whatsapp/auth.js';
import { connect, type Connection, type Handlers } from '../whatsapp/connection.js';
import { phoneOf } from '../whatsapp/message.js';
import { Delivery } from './delivery.js';
import { deadline, isNews, newMachine, PARKED, step, type Action, type Input, type LinkMethod, type Machine, type Timing } from './machine.js';
import { QUEUE_LIMIT, Sender } from './sender.js';
import type { Turns } from './wait.js';

/** The library's own lives of codes, milliseconds. */
const QR_MS = [60_000, 20_000] as const;
/** Shown while WhatsApp does not say until when new people are off limits. */
const COLD_LOCK_MS = 60_000;
const LOGOUT_MS = 5_000;

export interface SessionDeps {
  readonly config: Config;
  readonly backend: Backend;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly turns: Turns;
  readonly versions: { current(): WAVersion | null; refresh(): Promise<void> };
  readonly now: () => number;
  readonly random: () => number;
}

export interface NewMessage {
  readonly messageId: string;
  readonly chat: string;
  readonly firstContact: boolean;
  readonly quoted: string | null;
  /** The content of the request as JSON, already parsed once. */
  readonly content: string;
}

export class Session {
  readonly store: SessionStore;
  readonly #deps: SessionDeps;
  readonly #timing: Timing;
  readonly #delivery: Delivery;
  readonly #retryCounts = memoryCache();
  #machine: Machine;
  #told: Machine | null = null;
  #policy: Policy = { strangers: 'never', groups: false };
  #leaseAt: number | null = null;
  #coldLockedUntil: number | null = null;
  #connection: Connection | null = null;
  #sender: Sender | null = null;
  /** Counts sockets: what an old one still says is not heard. */
  #generation = 0;
  #giveTurnBack: () => void = () => undefined;
  #timer: NodeJS.Timeout | null = null;
  /** Actions run one after the other. */
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(deps: SessionDeps, store: SessionStore) {
    this.#deps = deps;
    this.store = store;
    const { qrTimeoutMs, connectTimeoutMs } = deps.config;
    this.#timing = { connectTimeoutMs, qrMs: qrTimeoutMs === null ? QR_MS : [qrTimeoutMs, qrTimeoutMs] };
    this.#machine = newMachine(deps.now());
    this.#delivery = new Delivery(store, deps.backend, deps.log, deps.metrics, () => this.#feed({ kind: 'fenced', reason: 'fenced' }));
  }

  /** Loads what the store knows; nothing is connected yet. */
  static async load(deps: SessionDeps, store: SessionStore): Promise<Session> {
    const session = new Session(deps, store);
    const { policy, parked } = await store.info();
    session.#policy = policy;
    if (parked !== null) session.#machine = JSON.parse(parked) as Machine;
    return session;
  }

  get state(): Machine {
    return this.#machine;
  }

  /** Takes ownership: new policy, lease, and the socket when the session is linked. */
  async own(policy: Partial<Policy>, leaseMs: number | null): Promise<void> {
    this.#policy = { ...this.#policy, ...policy };
    // With a lease the owner must say so again after a restart.
    await this.store.update({ policy: this.#policy, active: leaseMs === null });
    this.#leaseAt = leaseMs === null ? null : this.#deps.now() + Math.floor((leaseMs * 2) / 3);
    await this.start();
  }

  async start(): Promise<void> {
    const text = await this.store.loadCreds();
    const creds = text === null ? null : readCreds(text);
    const linked = creds !== null && isLinked(creds);
    this.#feed({ kind: 'start', linked, me: linked && creds ? meOf(creds) : null });
    this.#delivery.poke();
  }

  link(method: LinkMethod): void {
    if (['open', 'linking'].includes(this.#machine.state) || (this.#machine.linked && ['connecting', 'waiting'].includes(this.#machine.state))) {
      throw new Problem('conflict', 'This session is linked. Unlink it before another account is linked.');
    }
    this.#mustBeOurs();
    this.#feed({ kind: 'link', method });
  }

  resume(): void {
    const may = ['replaced', 'quarantined', 'outdated', 'stopped', 'paused', 'waiting'];
    if (!may.includes(this.#machine.state)) throw new Problem('conflict', `A session in the state ${this.#machine.state} cannot be resumed.`);
    if (!this.#machine.linked) throw new Problem('not_linked', 'Nothing is linked.');
    this.#feed({ kind: 'resume' });
  }

  /** Removes the device at WhatsApp and forgets its keys. */
  async unlink(): Promise<void> {
    this.#mustBeOurs();
    const connection = this.#machine.state === 'open' ? this.#detach() : null;
    if (connection) {
      const late = new Promise<void>((resolve) => setTimeout(resolve, LOGOUT_MS).unref());
      await Promise.race([connection.logout().catch(() => undefined), late]);
      connection.end();
    }
    this.#feed({ kind: 'unlinked' });
    this.#enqueue(() => this.store.archiveAuth());
    await this.#work;
  }

  async release(): Promise<void> {
    await this.store.update({ active: false });
    this.#feed({ kind: 'released' });
    await this.#work;
  }

  /** Another owner has it, here or elsewhere. */
  fence(): void {
    this.#feed({ kind: 'fenced', reason: 'fenced' });
  }

  /** Queues a message, or finds it. */
  async submit(message: NewMessage): Promise<{ readonly outbound: Outbound; readonly isNew: boolean }> {
    const { messageId, chat, quoted, content } = message;
    const before = await this.store.outboundById(messageId);
    if (before) {
      if (before.chat !== chat || before.content !== content) throw new Problem('conflict', `Another message has the id ${messageId}.`);
      return { outbound: before, isNew: false };
    }
    this.#mustBeOurs();
    if (!this.#machine.linked) throw new Problem('not_linked', 'No WhatsApp account is linked.');
    if (!(await this.store.isKnown(chat))) this.#mayWriteFirst(message.firstContact);
    if ((await this.store.queued()) >= QUEUE_LIMIT) throw new Problem('queue_full', `${QUEUE_LIMIT} messages of this business wait to be sent.`, 60_000);
    const queued = await this.store.enqueue({ messageId, waId: newWaId(), chat, quoted, content });
    this.#sender?.poke();
    return queued;
  }

  async typing(chat: string, state: 'composing' | 'recording' | 'paused'): Promise<void> {
    await this.#open().typing(chat, state);
  }

  async read(chat: string, waIds: readonly string[]): Promise<void> {
    await this.#open().read(waIds.map((waId) => ({ chat, waId, participant: null })));
  }

  /** The session of PROTOCOL.md. */
  async view(): Promise<object> {
    return { ...this.#view(), queued: await this.store.queued(), undelivered: await this.store.undelivered() };
  }

  /** The code of PROTOCOL.md. */
  codeView(): object {
    const { state, code } = this.#machine;
    return {
      state,
      qr: code?.qr ?? null,
      seq: code?.seq ?? null,
      expires_at: code?.expiresAt ?? null,
      attempts_left: code?.attemptsLeft ?? null,
      pairing_code: code?.pairingCode ?? null,
    };
  }

  /** Closes without logging out, after what is being sent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#sender?.stop();
    const connection = this.#detach();
    connection?.end();
    await connection?.settled();
    await this.#work;
    await this.#delivery.stop();
  }

  #view(): object {
    const { state, sinceAt, linked, me, reason, message, closeCode, retryAt } = this.#machine;
    return {
      session: this.store.business,
      owner_epoch: this.store.epoch,
      state,
      since_at: sinceAt,
      linked,
      me: me && { id: me.id, lid: me.lid, phone: phoneOf(me.id), name: me.name },
      reason,
      message,
      close_code: closeCode,
      retry_at: retryAt,
      cold_locked_until_at: this.#coldUntil(),
    };
  }

  #feed(input: Input): void {
    if (this.#closed) return;
    const before = this.#machine;
    const { machine, actions } = step(before, input, this.#deps.now(), this.#deps.random(), this.#timing);
    this.#machine = machine;
    if (before.state !== machine.state) this.#deps.log.info('state', { business: this.store.business, state: machine.state, reason: machine.reason, code: machine.closeCode });
    this.#tell(before, machine);
    for (const action of actions) this.#act(action);
    this.#arm();
  }

  #tell(before: Machine, after: Machine): void {
    if (before.code !== after.code || (before.code !== null && before.state !== after.state)) this.#pushCode();
    if (['fenced', 'released'].includes(after.state)) return;
    const parked = PARKED.includes(after.state) ? JSON.stringify(after) : null;
    if (before.state !== after.state && (parked !== null || PARKED.includes(before.state))) this.#enqueue(() => this.store.update({ parked }));
    if (!isNews(this.#told, after)) return;
    this.#told = after;
    const view = this.#view();
    this.#enqueue(async () => {
      await this.store.commit({ events: [{ kind: 'state', body: { state: view }, dedupe: null }] });
      this.#delivery.poke();
    });
  }

  #pushCode(): void {
    const { business, epoch } = this.store;
    const body = { session: business, owner_epoch: epoch, ...this.codeView() };
    // The next code, or the backend's own question, tells again when this is lost.
    this.#deps.backend.post('/internal/wa/qr', body).catch((error: unknown) => {
      this.#deps.log.warn('the backend did not take a code', { business, error: messageOf(error) });
    });
  }

  #act(action: Action): void {
    switch (action.kind) {
      case 'connect':
        this.#detach()?.end();
        this.#enqueue(() => this.#connect(action.fresh));
        return;
      case 'disconnect': {
        const connection = this.#detach();
        connection?.end();
        if (connection) this.#enqueue(() => connection.settled());
        return;
      }
      case 'request_pairing_code':
        this.#requestPairingCode(action.phone);
        return;
      case 'archive_auth':
        this.#enqueue(() => this.store.archiveAuth());
        return;
      case 'refresh_version':
        this.#enqueue(() => this.#deps.versions.refresh());
        return;
      case 'alert':
        this.#deps.metrics.count('alerts');
        this.#deps.log.error('a session needs a person', { business: this.store.business, state: this.#machine.state, reason: this.#machine.reason });
        return;
    }
  }

  async #connect(fresh: boolean): Promise<void> {
    const giveBack = await this.#deps.turns.take();
    if (this.#closed || this.#machine.state === 'fenced' || !['connecting', 'linking'].includes(this.#machine.state)) {
      giveBack();
      return;
    }
    this.#giveTurnBack = giveBack;
    if (fresh) await this.store.archiveAuth();
    const stored = await this.store.loadCreds();
    const creds = stored === null ? newCreds() : readCreds(stored);
    if (stored === null) await this.store.saveCreds(writeCreds(creds));
    this.#feed({ kind: 'dialing' });
    this.#deps.metrics.count('connects');
    const { config, versions } = this.#deps;
    this.#connection = connect({
      store: this.store,
      creds,
      url: config.whatsappUrl,
      version: versions.current(),
      connectTimeoutMs: config.connectTimeoutMs,
      qrTimeoutMs: config.qrTimeoutMs,
      groups: this.#policy.groups,
      retryCounts: this.#retryCounts,
      handlers: this.#handlers(this.#generation),
    });
  }

  #handlers(generation: number): Handlers {
    const heard = (act: () => void) => {
      if (generation === this.#generation) act();
    };
    return {
      qr: (qr) => heard(() => (this.#giveTurnBack(), this.#feed({ kind: 'qr', qr }))),
      paired: () => heard(() => this.#feed({ kind: 'paired' })),
      passkey: () => heard(() => !this.#machine.linked && this.#feed({ kind: 'passkey' })),
      open: (me) => heard(() => (this.#giveTurnBack(), this.#feed({ kind: 'open', me }), this.#startSending())),
      closed: (close) =>
        heard(() => {
          const connection = this.#detach();
          // Credentials of a pairing are on the disk before the next socket is made.
          if (connection) this.#enqueue(() => connection.settled());
          this.#feed({ kind: 'closed', close });
        }),
      // What is in the store counts, whichever socket brought it.
      events: () => this.#delivery.poke(),
      receipt: (waIds, status, error) => this.#receipt(waIds, status, error),
      failed: (error) => this.#storeFailed(error),
    };
  }

  #startSending(): void {
    if (!this.#connection) return;
    const { backend, log, metrics, config, now, random } = this.#deps;
    this.#sender = new Sender(
      {
        store: this.store,
        backend,
        log,
        metrics,
        pace: config.pace,
        now,
        random,
        onEvents: () => this.#delivery.poke(),
        onFenced: () => this.fence(),
      },
      this.#connection,
    );
    this.#sender.poke();
  }

  #receipt(waIds: readonly string[], status: SendStatus, error: SendError | null): void {
    const apply = async () => {
      for (const waId of waIds) {
        const outbound = await this.store.outboundByWaId(waId);
        if (outbound) await this.store.changeOutbound(outbound.n, { status, error });
      }
      if (error?.code === '463') await this.#lockCold();
      this.#delivery.poke();
    };
    apply().catch((failure: unknown) => this.#storeFailed(failure));
  }

  async #lockCold(): Promise<void> {
    this.#coldLockedUntil = this.#deps.now() + COLD_LOCK_MS;
    const until = await this.#connection?.coldLockedUntil().catch(() => null);
    if (until) this.#coldLockedUntil = until;
  }

  #coldUntil(): number | null {
    return this.#coldLockedUntil !== null && this.#coldLockedUntil > this.#deps.now() ? this.#coldLockedUntil : null;
  }

  #mayWriteFirst(asked: boolean): void {
    if (!asked || this.#policy.strangers !== 'asked') {
      throw new Problem('stranger', 'This person never wrote to the business, and it does not write first.');
    }
    const until = this.#coldUntil();
    if (until !== null) throw new Problem('cold_locked', 'WhatsApp does not let this account write to new people for now.', until - this.#deps.now());
  }

  #requestPairingCode(phone: string): void {
    const generation = this.#generation;
    this.#connection?.requestPairingCode(phone).then(
      (code) => {
        if (generation === this.#generation) this.#feed({ kind: 'pairing_code', code });
      },
      // The socket closed meanwhile, and its own event says so.
      (error: unknown) => this.#deps.log.warn('no pairing code', { business: this.store.business, error: messageOf(error) }),
    );
  }

  #open(): Connection {
    if (!this.#connection || this.#machine.state !== 'open') throw new Problem('unavailable', 'This session is not connected.', 1_000);
    return this.#connection;
  }

  #mustBeOurs(): void {
    if (this.#machine.state === 'fenced' || this.#machine.state === 'released') throw new Problem('fenced', 'This session has another owner.');
  }

  #detach(): Connection | null {
    this.#generation += 1;
    this.#giveTurnBack();
    void this.#sender?.stop();
    this.#sender = null;
    const connection = this.#connection;
    this.#connection = null;
    return connection;
  }

  #enqueue(act: () => Promise<void>): void {
    this.#work = this.#work.then(act).catch((error: unknown) => this.#storeFailed(error));
  }

  #storeFailed(error: unknown): void {
    if (error instanceof FencedError) {
      this.#feed({ kind: 'fenced', reason: 'fenced' });
      return;
    }
    this.#deps.metrics.count('store_failures');
    this.#deps.log.error('a step of a session failed', { business: this.store.business, error: messageOf(error) });
  }

  #arm(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const leaseAt = ['fenced', 'released'].includes(this.#machine.state) ? null : this.#leaseAt;
    const times = [deadline(this.#machine), leaseAt].filter((time) => time !== null);
    if (times.length === 0 || this.#closed) return;
    const wait = Math.min(...times) - this.#deps.now();
    // Longer than setTimeout can: it then only looks again.
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(wait, 0), 2 ** 31 - 1));
  }

  #wake(): void {
    if (this.#leaseAt !== null && this.#deps.now() >= this.#leaseAt) {
      this.#leaseAt = null;
      this.#feed({ kind: 'fenced', reason: 'lease_lost' });
      return;
    }
    this.#feed({ kind: 'tick' });
  }
}

/** The conventional form of ids that WhatsApp Web makes. */
function newWaId(): string {
  return `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;
}

/** How often a message was asked for again; a few hundred entries at most. */
function memoryCache(): CacheStore {
  const values = new Map<string, unknown>();
  return {
    get: <T>(key: string) => values.get(key) as T | undefined,
    set: (key, value) => {
      values.set(key, value);
      const [oldest] = values.keys();
      if (values.size > 500 && oldest !== undefined) values.delete(oldest);
    },
    del: (key) => void values.delete(key),
    flushAll: () => values.clear(),
  };
}
