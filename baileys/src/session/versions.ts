// The version of WhatsApp Web that is spoken: told by the operator, asked of WhatsApp, or the last that was good.

import type { WAVersion } from '@whiskeysockets/baileys';

import type { AuthStore } from '../store/types.js';
import { latestVersion } from '../whatsapp/connection.js';

const TIMEOUT_MS = 5_000;

export class Versions {
  readonly #store: AuthStore;
  readonly #told: WAVersion | null;
  #current: WAVersion | null;

  private constructor(store: AuthStore, told: WAVersion | null, current: WAVersion | null) {
    this.#store = store;
    this.#told = told;
    this.#current = current;
  }

  /** Starts with the last good one. */
  static async load(store: AuthStore, told: readonly [number, number, number] | null): Promise<Versions> {
    const stored = await store.loadVersion();
    const mine: WAVersion | null = told ? [...told] : null;
    return new Versions(store, mine, mine ?? (stored === null ? null : (JSON.parse(stored) as WAVersion)));
  }

  /** `null`: the library's own. */
  current(): WAVersion | null {
    return this.#current;
  }

  /** Asks WhatsApp, unless the operator told. Without an answer nothing changes. */
  async refresh(): Promise<void> {
    if (this.#told) return;
    const latest = await latestVersion(TIMEOUT_MS);
    if (!latest) return;
    this.#current = latest;
    await this.#store.saveVersion(JSON.stringify(latest));
  }
}
