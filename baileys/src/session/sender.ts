// Messages of one session on their way to WhatsApp: one at a time, in order, at the pace of a person.

import { MediaError, type Backend } from '../backend.js';
import type { Pace } from '../config.js';
import { messageOf, type Log } from '../log.js';
import type { Metrics } from '../metrics.js';
import { FencedError, type Outbound, type SessionStore } from '../store/types.js';
import type { Connection } from '../whatsapp/connection.js';
import { LIMITS, parseOutgoing, tooLarge, typedCharacters, type Outgoing } from '../whatsapp/outgoing.js';
import type { Json } from '../http/parse.js';
import { nextSendAt, recent, typingMs, type Sent } from './pacing.js';
import { pause } from './wait.js';

/** Messages that may wait in one session. */
export const QUEUE_LIMIT = 500;
const ATTEMPTS = 5;
/** Confirmations that may be missing before nothing new goes out. */
const LOOK_AHEAD = QUEUE_LIMIT + 100;

export interface SenderDeps {
  readonly store: SessionStore;
  readonly backend: Backend;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pace: Pace;
  readonly now: () => number;
  readonly random: () => number;
  readonly onEvents: () => void;
  readonly onFenced: () => void;
}

/** What is sent over one connection; a new connection gets a new sender. */
export class Sender {
  readonly #deps: SenderDeps;
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  /** Written to this connection: WhatsApp has them, or the connection breaks and the next sends them again. */
  readonly #written = new Set<number>();
  #sent: readonly Sent[] = [];
  #running: Promise<void> | null = null;
  #again = false;

  constructor(deps: SenderDeps, connection: Connection) {
    this.#deps = deps;
    this.#connection = connection;
  }

  /** There may be something to send. */
  poke(): void {
    this.#again = true;
    if (this.#running || this.#stop.signal.aborted) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#again) this.poke();
    });
  }

  /** Stops after the message that is being sent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#again = false;
    try {
      for (let next = await this.#next(); next; next = await this.#next()) await this.#send(next);
    } catch (error) {
      this.#again = false;
      if (error instanceof FencedError) this.#deps.onFenced();
      else if (!this.#stop.signal.aborted) this.#deps.log.error('sending stopped', { business: this.#deps.store.business, error: messageOf(error) });
    }
  }

  async #next(): Promise<Outbound | null> {
    if (this.#stop.signal.aborted) return null;
    const waiting = await this.#deps.store.unconfirmed(LOOK_AHEAD);
    return waiting.find((outbound) => !this.#written.has(outbound.n)) ?? null;
  }

  async #send(outbound: Outbound): Promise<void> {
    const { signal } = this.#stop;
    const content = parseOutgoing(JSON.parse(outbound.content) as Json);
    try {
      const encoded = outbound.encoded ?? (await this.#prepare(outbound, content));
      await this.#behaveLikeAPerson(outbound.chat, content);
      if (signal.aborted) return;
      await this.#connection.relay(outbound.chat, encoded, outbound.waId);
      this.#written.add(outbound.n);
      this.#sent = [...recent(this.#sent, this.#deps.now()), { chat: outbound.chat, at: this.#deps.now() }];
      this.#deps.metrics.count('messages_sent');
      await this.#deps.store.changeOutbound(outbound.n, { status: 'sent' });
      this.#deps.onEvents();
    } catch (error) {
      if (error instanceof FencedError || signal.aborted) throw error;
      await this.#failed(outbound, error);
    }
  }

  async #prepare(outbound: Outbound, content: Outgoing): Promise<string> {
    const { backend, store } = this.#deps;
    const quoted = outbound.quoted === null ? null : await store.original(outbound.quoted);
    const media =
      'media' in content ? await backend.media(content.media.path, LIMITS[content.type], tooLarge(content.type), this.#stop.signal) : null;
    const { encoded } = await this.#connection.prepare(outbound.chat, content, outbound.waId, quoted, media);
    // Kept before it is sent: a recipient who cannot read it asks again, maybe after a restart.
    await store.changeOutbound(outbound.n, { encoded });
    return encoded;
  }

  async #behaveLikeAPerson(chat: string, content: Outgoing): Promise<void> {
    const { now, random, pace } = this.#deps;
    if (pace === 'none') return;
    const { signal } = this.#stop;
    await pause(nextSendAt(this.#sent, chat, now(), random()) - now(), signal);
    if (signal.aborted || content.type === 'reaction') return;
    const voice = content.type === 'audio' && content.voice;
    await this.#connection.typing(chat, voice ? 'recording' : 'composing').catch(() => undefined);
    await pause(typingMs(typedCharacters(content)), signal);
  }

  async #failed(outbound: Outbound, error: unknown): Promise<void> {
    const { store, log, metrics } = this.#deps;
    const attempts = outbound.attempts + 1;
    const forGood = error instanceof MediaError && error.forGood;
    log.warn('a message was not sent', { business: store.business, attempts, error: messageOf(error) });
    if (!forGood && attempts < ATTEMPTS) {
      await store.changeOutbound(outbound.n, { attempts });
      await pause(1_000 * 2 ** attempts, this.#stop.signal);
      return;
    }
    const code = error instanceof MediaError ? error.code : 'send_failed';
    metrics.count('messages_failed');
    await store.changeOutbound(outbound.n, { attempts, status: 'failed', error: { code, message: messageOf(error) } });
    this.#deps.onEvents();
  }
}
