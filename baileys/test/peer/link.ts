// The wire of one connected client: handshake, then stanzas in order.

import { decodeBinaryNode, encodeBinaryNode, proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { WebSocket } from 'ws';

import type { Certificates } from './certificates.js';
import { framed, FrameReader, ServerNoise } from './noise.js';

export interface LinkHandlers {
  login(link: Link, payload: proto.ClientPayload): Promise<void>;
  stanza(link: Link, node: BinaryNode): Promise<void>;
  closed(link: Link): void;
}

export class Link {
  readonly #socket: WebSocket;
  readonly #noise: ServerNoise;
  readonly #frames = new FrameReader();
  readonly #handlers: LinkHandlers;
  #stage: 'hello' | 'finish' | 'open' = 'hello';
  #work: Promise<void> = Promise.resolve();
  #ids = 0;

  constructor(socket: WebSocket, certificates: Certificates, handlers: LinkHandlers) {
    this.#socket = socket;
    this.#noise = new ServerNoise(certificates);
    this.#handlers = handlers;
    socket.on('message', (data: Buffer) => this.#queue(async () => this.#bytes(data)));
    socket.on('close', () => handlers.closed(this));
    socket.on('error', () => socket.terminate());
  }

  /** An id for a stanza of the server's own. */
  nextId(): string {
    this.#ids += 1;
    return `peer-${this.#ids}`;
  }

  send(node: BinaryNode): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(framed(this.#noise.seal(encodeBinaryNode(node))));
  }

  /** Closes as a server does. */
  close(): void {
    this.#socket.close();
  }

  /** Cuts, as a network does. */
  cut(): void {
    this.#socket.terminate();
  }

  #queue(act: () => Promise<void>): void {
    // A stanza that the peer cannot read is the tester's business: loud, and the connection ends.
    this.#work = this.#work.then(act).catch((error: unknown) => {
      process.stderr.write(`peer: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      this.cut();
    });
  }

  async #bytes(data: Buffer): Promise<void> {
    for (const frame of this.#frames.push(data)) await this.#frame(frame);
  }

  async #frame(frame: Buffer): Promise<void> {
    if (this.#stage === 'open') {
      await this.#handlers.stanza(this, await decodeBinaryNode(this.#noise.open(frame)));
      return;
    }
    const message = proto.HandshakeMessage.decode(frame);
    if (this.#stage === 'hello') {
      this.#socket.send(framed(this.#noise.hello(message.clientHello?.ephemeral ?? Buffer.alloc(0))));
      this.#stage = 'finish';
      return;
    }
    const payload = this.#noise.finish(message.clientFinish?.static ?? Buffer.alloc(0), message.clientFinish?.payload ?? Buffer.alloc(0));
    this.#stage = 'open';
    await this.#handlers.login(this, payload);
  }
}
