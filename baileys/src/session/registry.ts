// All sessions of this process: one per business.

import { Problem } from '../problem.js';
import { FencedError, type AuthStore, type Policy } from '../store/types.js';
import { Session, type SessionDeps } from './session.js';

export class Registry {
  readonly #store: AuthStore;
  readonly #deps: SessionDeps;
  readonly #sessions = new Map<string, Session>();
  /** Ownership of one business changes one step after the other. */
  readonly #changing = new Map<string, Promise<unknown>>();

  constructor(store: AuthStore, deps: SessionDeps) {
    this.#store = store;
    this.#deps = deps;
  }

  /** Loads every session of the store and starts those that ran. */
  async boot(): Promise<void> {
    for (const { business, epoch, active } of await this.#store.sessions()) {
      const session = await this.#load(business, epoch);
      if (active) await session.start();
    }
  }

  /** Owns a session under an epoch; a newer epoch takes over from the older one here. */
  own(business: string, epoch: number, policy: Partial<Policy>, leaseMs: number | null): Promise<Session> {
    return this.#inTurn(business, async () => {
      const before = this.#sessions.get(business);
      if (before && before.store.epoch === epoch) {
        await before.own(policy, leaseMs);
        return before;
      }
      try {
        const session = await this.#load(business, epoch);
        await session.own(policy, leaseMs);
        return session;
      } catch (error) {
        if (error instanceof FencedError) throw new Problem('fenced', error.message);
        throw error;
      }
    });
  }

  get(business: string): Session {
    const session = this.#sessions.get(business);
    if (!session) throw new Problem('not_found', `There is no session of ${business}: own it first.`);
    return session;
  }

  all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((session) => session.close()));
  }

  async #load(business: string, epoch: number): Promise<Session> {
    const store = await this.#store.own(business, epoch);
    const before = this.#sessions.get(business);
    if (before) {
      before.fence();
      await before.close();
    }
    const session = await Session.load(this.#deps, store);
    this.#sessions.set(business, session);
    return session;
  }

  async #inTurn<T>(business: string, act: () => Promise<T>): Promise<T> {
    const before = this.#changing.get(business) ?? Promise.resolve();
    const mine = before.then(act, act);
    this.#changing.set(business, mine);
    try {
      return await mine;
    } finally {
      if (this.#changing.get(business) === mine) this.#changing.delete(business);
    }
  }
}
