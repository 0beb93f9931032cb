// Events of one session on their way to the backend: in order, until they are acknowledged.

import type { Backend } from '../backend.js';
import type { Log } from '../log.js';
import { messageOf } from '../log.js';
import type { Metrics } from '../metrics.js';
import { FencedError, type SessionStore } from '../store/types.js';
import { pause } from './wait.js';

const BATCH = 50;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export class Delivery {
  readonly #store: SessionStore;
  readonly #backend: Backend;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #onFenced: () => void;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #again = false;

  constructor(store: SessionStore, backend: Backend, log: Log, metrics: Metrics, onFenced: () => void) {
    this.#store = store;
    this.#backend = backend;
    this.#log = log;
    this.#metrics = metrics;
    this.#onFenced = onFenced;
  }

  /** There may be something to deliver. */
  poke(): void {
    this.#again = true;
    if (this.#running || this.#stop.signal.aborted) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#again) this.poke();
    });
  }

  /** Stops; what is not acknowledged stays in the store. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let wait = FIRST_WAIT_MS;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      const outcome = await this.#deliver(signal);
      if (outcome === 'fenced') {
        this.#again = false;
        this.#onFenced();
        return;
      }
      if (outcome === 'more') this.#again = true;
      if (outcome === 'failed') {
        this.#again = true;
        await pause(wait, signal);
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      } else {
        wait = FIRST_WAIT_MS;
      }
    }
  }

  async #deliver(signal: AbortSignal): Promise<'done' | 'more' | 'failed' | 'fenced'> {
    const { business, epoch } = this.#store;
    try {
      const events = await this.#store.pendingEvents(BATCH);
      const [first] = events;
      const last = events.at(-1);
      if (!first || !last) return 'done';
      const answer = await this.#backend.post('/internal/wa/events', { session: business, owner_epoch: epoch, events }, signal);
      const said = (typeof answer.body === 'object' ? answer.body : null) as { readonly acked?: unknown; readonly code?: unknown } | null;
      if (answer.status === 409 && said?.code === 'fenced') return 'fenced';
      const acked = said?.acked;
      if (answer.status !== 200 || typeof acked !== 'number' || acked < first.seq || acked > last.seq) {
        this.#metrics.count('delivery_failures');
        this.#log.warn('the backend did not take events', { business, status: answer.status, first: first.seq, last: last.seq });
        return 'failed';
      }
      await this.#store.ackEvents(acked);
      this.#metrics.count('events_delivered', acked - first.seq + 1);
      return 'more';
    } catch (error) {
      if (error instanceof FencedError) return 'fenced';
      if (!signal.aborted) {
        this.#metrics.count('delivery_failures');
        this.#log.warn('the backend cannot be reached', { business, error: messageOf(error) });
      }
      return 'failed';
    }
  }
}
