// The sidecar put together: store, sessions, server. `main.ts` gives it the process's environment.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Backend } from './backend.js';
import type { Config } from './config.js';
import { makeRoutes } from './http/routes.js';
import { makeServer } from './http/server.js';
import type { Log } from './log.js';
import { messageOf } from './log.js';
import { Metrics } from './metrics.js';
import { Registry } from './session/registry.js';
import { Turns } from './session/wait.js';
import { Versions } from './session/versions.js';
import { Verifier } from './signing.js';
import { LmdbStore } from './store/lmdb.js';
import type { AuthStore } from './store/types.js';

const PING_EVERY_MS = 15_000;
const SWEEP_EVERY_MS = 6 * 3_600_000;

export class Sidecar {
  readonly #store: AuthStore;
  readonly #registry: Registry;
  readonly #server: Server;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #stop: () => void;

  private constructor(store: AuthStore, registry: Registry, server: Server, timers: readonly NodeJS.Timeout[], stop: () => void) {
    this.#store = store;
    this.#registry = registry;
    this.#server = server;
    this.#timers = timers;
    this.#stop = stop;
  }

  /** Opens the store, starts the sessions that ran, and listens. */
  static async start(config: Config, log: Log): Promise<Sidecar> {
    const now = () => Date.now();
    const store: AuthStore = await LmdbStore.open(config.dataDir, config.storeKey, now);
    const metrics = new Metrics();
    const backend = new Backend(config.backend, config.secret, now);
    const versions = await Versions.load(store, config.whatsappVersion);
    const registry = new Registry(store, { config, backend, log, metrics, turns: new Turns(config.concurrentConnects), versions, now, random: Math.random });
    let backendIsUp = false;
    let stopping = false;
    const ping = async () => {
      backendIsUp = await backend.ping();
    };
    const sweep = () => {
      store.sweep().catch((error: unknown) => log.error('the store was not swept', { error: messageOf(error) }));
    };
    const routes = makeRoutes({ registry, store, metrics, backendIsUp: () => backendIsUp, isStopping: () => stopping });
    const server = makeServer({ routes, verifier: new Verifier(config.secret, now()), metrics, log, now });
    await versions.refresh();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(config.port, config.bind, resolve);
    });
    await registry.boot();
    void ping();
    sweep();
    const timers = [setInterval(() => void ping(), PING_EVERY_MS), setInterval(sweep, SWEEP_EVERY_MS)];
    return new Sidecar(store, registry, server, timers, () => (stopping = true));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes nothing new, finishes what is being sent, closes the sockets without logging out. */
  async close(): Promise<void> {
    this.#stop();
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.close();
    await this.#registry.close();
    this.#server.closeAllConnections();
    await this.#store.close();
  }
}
