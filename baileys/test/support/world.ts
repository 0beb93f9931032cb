// Peer, backend and sidecar together.

import { FakeBackend } from './backend.js';
import { SECRET, SidecarProcess } from './sidecar.js';
import { Peer } from '../peer/peer.js';
import { silenceConsole } from '../../src/whatsapp/quiet.js';

// What libsignal prints of the customers' sessions would drown the tests' own words.
silenceConsole();

export const BUSINESS = 'biz_7';
export const PHONE = '15550100';
export const CUSTOMER = '15550123';

export class World {
  readonly peer: Peer;
  readonly backend: FakeBackend;
  readonly sidecar: SidecarProcess;

  private constructor(peer: Peer, backend: FakeBackend, sidecar: SidecarProcess) {
    this.peer = peer;
    this.backend = backend;
    this.sidecar = sidecar;
  }

  /** Everything listens; the sidecar runs. */
  static async start(env: Record<string, string> = {}): Promise<World> {
    const peer = new Peer();
    const backend = new FakeBackend(SECRET);
    await peer.listen();
    await backend.listen();
    const sidecar = new SidecarProcess({ backend: backend.url, whatsapp: peer.url, rootKey: peer.rootKey, env });
    await sidecar.start();
    return new World(peer, backend, sidecar);
  }

  /** Owns the session; nothing is linked yet. */
  async own(business = BUSINESS, body: object = {}): Promise<void> {
    const { status } = await this.sidecar.request('PUT', `/v1/sessions/${business}`, { owner_epoch: 1, ...body });
    if (status !== 200) throw new Error(`owning ${business} answered ${status}`);
  }

  /** Links a business by scanning its code. */
  async link(business = BUSINESS, phone = PHONE, body: object = {}): Promise<void> {
    await this.own(business, body);
    const before = this.backend.codes.length;
    const { status } = await this.sidecar.request('POST', `/v1/sessions/${business}/link`, { method: 'qr' });
    if (status !== 202) throw new Error(`linking ${business} answered ${status}`);
    const qr = await this.qr(business, before);
    this.peer.scan(qr, phone, `Business ${business}`);
    await this.backend.untilState(business, 'open');
  }

  /** The newest code that was pushed for a business after the first `from`. */
  qr(business: string, from = 0): Promise<string> {
    return this.backend.until(() => {
      const code = this.backend.codes.slice(from).findLast(({ session, qr }) => session === business && typeof qr === 'string');
      return code?.['qr'] as string | undefined;
    }, `a code of ${business}`);
  }

  send(messageId: string, text: string, more: object = {}): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const chat = `8${CUSTOMER}@lid`;
    return this.sidecar.request('POST', `/v1/sessions/${BUSINESS}/messages`, { message_id: messageId, chat, content: { type: 'text', text }, ...more });
  }

  async stop(): Promise<void> {
    await this.sidecar.remove();
    await this.backend.leave();
    await this.peer.stop();
  }
}
