// One process per data folder: a socket in it that only its owner answers.

import { createServer, connect, type Server } from 'node:net';
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Holds the folder until it is released, or until the process dies. */
export class FolderLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Takes the folder; fails when another process has it. */
  static async take(folder: string): Promise<FolderLock> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // A relative path keeps below the 107 bytes that a socket's name may have.
    const direct = join(folder, 'owner.sock');
    const short = relative(process.cwd(), direct);
    const path = short.length < direct.length ? short : direct;
    if (await answers(path)) throw new Error(`another sidecar uses the folder ${folder}: stop it, or set BAILEYS_DATA_DIR to another one`);
    // Left behind by a process that was killed.
    rmSync(path, { force: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    server.unref();
    return new FolderLock(server);
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
