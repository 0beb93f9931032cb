// The server: who is connected, who talks to whom, and what a tester makes happen.

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { randomBytes } from 'node:crypto';

import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import { WebSocketServer } from 'ws';

import { Account } from './account.js';
import { makeCertificates } from './certificates.js';
import { Customer } from './customer.js';
import { Ledger } from './ledger.js';
import { Link } from './link.js';
import { PhoneHalf, readHello, type CodeWait } from './pairing.js';
import { answerIq } from './queries.js';
import { bundleNodes, bytes, child, children, readUpload, userOf } from './stanzas.js';

/** How the customers' phones behave. */
export interface Behaviour {
  /** Send "delivered" for what is shown. */
  delivered: boolean;
  /** Send "read" for what is shown. */
  read: boolean;
  /** Refuse the business's messages with this error. */
  ackError: string | null;
  /** A phone gives its new device a key for the account's settings, as real ones do. */
  sharesKeys: boolean;
  /** What an upgrade of the socket is answered with; 101 is the normal thing, 0 is silence. */
  upgrade: number;
}

/** A client without an account that shows codes. */
interface Registering {
  readonly refs: readonly string[];
  codeWait: CodeWait | null;
  phoneHalf: PhoneHalf | null;
  account: Account | null;
}

export type CloseHow =
  | { readonly kind: 'drop' }
  | { readonly kind: 'error'; readonly code: string; readonly conflict?: string }
  | { readonly kind: 'failure'; readonly reason: string; readonly extra?: Record<string, string> };

const REFS = 6;

export class Peer {
  readonly ledger = new Ledger();
  readonly behaviour: Behaviour = { delivered: true, read: false, ackError: null, sharesKeys: false, upgrade: 101 };
  readonly #certificates = makeCertificates();
  readonly #accounts = new Map<string, Account>();
  readonly #customers = new Map<string, Customer>();
  readonly #registering = new Map<Link, Registering>();
  readonly #online = new Map<Link, Account>();
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  #lastId = 0;

  get rootKey(): string {
    return Buffer.from(this.#certificates.rootPublic).toString('hex');
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/`;
  }

  get accounts(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  /** Listens; after `networkDown` on the port it had. */
  async listen(): Promise<void> {
    const server = createServer((_request, response) => response.writeHead(404).end());
    const sockets = new WebSocketServer({ noServer: true });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      if (this.behaviour.upgrade === 0) return;
      if (this.behaviour.upgrade !== 101) {
        socket.end(`HTTP/1.1 ${this.behaviour.upgrade} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (client) => {
        new Link(client, this.#certificates, {
          login: (link, payload) => this.#login(link, payload),
          stanza: (link, node) => this.#stanza(link, node),
          closed: (link) => this.#closed(link),
        });
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Nothing answers any more. */
  async networkDown(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  networkUp(): Promise<void> {
    return this.listen();
  }

  /** A person scans the code with the phone of `phone`. */
  scan(qr: string, phone: string, name = 'Business'): Account {
    const [ref, , identity, adv] = (qr.split('#').at(-1) ?? '').split(',');
    const found = [...this.#registering].find(([, waiting]) => ref !== undefined && waiting.refs.includes(ref));
    if (!found || identity === undefined || adv === undefined) throw new Error('this code is not on show (any more)');
    const account = this.account(phone, name);
    account.link();
    this.#pairSuccess(found[0], account, Buffer.from(identity, 'base64'), Buffer.from(adv, 'base64'));
    return account;
  }

  /** A person types the code `XXXX-XXXX` on the phone. */
  async typeCode(code: string, phone: string, name = 'Business'): Promise<Account> {
    const found = [...this.#registering].find(([, { codeWait }]) => codeWait !== null);
    const wait = found?.[1].codeWait;
    if (!found || !wait) throw new Error('no client waits for a code');
    const [link, registering] = found;
    const account = this.account(phone, name);
    registering.phoneHalf = await PhoneHalf.type(code.replace('-', ''), wait);
    registering.account = account;
    link.send(registering.phoneHalf.notification(link.nextId()));
    return account;
  }

  /** The phone insists on a passkey. */
  askForPasskey(): void {
    for (const link of this.#registering.keys()) {
      link.send({ tag: 'notification', attrs: { id: link.nextId(), from: 's.whatsapp.net', type: 'passkey_prologue_request', t: seconds() } });
    }
  }

  account(phone: string, name: string): Account {
    const account = this.#accounts.get(phone) ?? new Account(phone, `9${phone}`, name);
    this.#accounts.set(phone, account);
    return account;
  }

  customer(phone: string, name = `Customer ${phone.slice(-4)}`): Customer {
    const customer = this.#customers.get(phone) ?? new Customer(phone, `8${phone}`, name);
    this.#customers.set(phone, customer);
    return customer;
  }

  /** A customer writes to a business; returns WhatsApp's id of the message. */
  async write(phone: string, business: string, message: proto.IMessage, id = this.newId(), at = seconds()): Promise<string> {
    const account = this.#accounts.get(business);
    if (!account?.hasKeys) throw new Error(`nothing is linked to ${business}`);
    const customer = this.customer(phone);
    account.written.set(id, message);
    this.ledger.add({ kind: 'to_business', account: business, customer: phone, id, text: message.conversation ?? null });
    await this.#deliver(account, customer, message, id, at);
    return id;
  }

  async #deliver(account: Account, customer: Customer, message: proto.IMessage, id: string, at = seconds()): Promise<void> {
    const device = account.deviceLid;
    if (!customer.hasSession(device)) await customer.begin(device, account.bundle());
    const enc = await customer.encrypt(device, message);
    const stanza: BinaryNode = {
      tag: 'message',
      attrs: {
        id,
        from: customer.lidJid,
        sender_pn: customer.phoneJid,
        addressing_mode: 'lid',
        type: 'text',
        notify: customer.name,
        t: at,
      },
      content: [enc],
    };
    account.waiting.set(id, stanza);
    this.#linkOf(account)?.send(stanza);
  }

  /** The same message comes once more, as after a lost receipt. */
  repeat(business: string, stanzaId: string): void {
    const account = this.#accounts.get(business);
    const stanza = account?.waiting.get(stanzaId);
    if (account && stanza) this.#linkOf(account)?.send(stanza);
  }

  /** A customer's phone says what became of a message. */
  receipt(phone: string, business: string, id: string, type: 'read' | null, at = seconds()): void {
    const account = this.#accounts.get(business);
    if (account) this.#receipt(account, this.customer(phone), id, type, at);
  }

  /** A customer's phone reads what was shown. */
  markRead(phone: string, business: string, id: string): void {
    const account = this.#accounts.get(business);
    if (account) this.#receipt(account, this.customer(phone), id, 'read');
  }

  /** Ends the connection of a business. */
  close(business: string, how: CloseHow): void {
    const account = this.#accounts.get(business);
    const link = account && this.#linkOf(account);
    if (!account || !link) throw new Error(`${business} is not connected`);
    if (how.kind === 'drop') {
      link.cut();
      return;
    }
    if (how.kind === 'failure') {
      link.send({ tag: 'failure', attrs: { reason: how.reason, ...how.extra } });
    } else {
      if (how.conflict === 'device_removed') account.device += 1;
      const content: BinaryNode[] = how.conflict ? [{ tag: 'conflict', attrs: { type: how.conflict } }] : [];
      link.send({ tag: 'stream:error', attrs: { code: how.code }, content });
    }
    link.close();
  }

  isOnline(business: string): boolean {
    const account = this.#accounts.get(business);
    return account !== undefined && this.#linkOf(account) !== undefined;
  }

  async stop(): Promise<void> {
    await this.networkDown();
  }

  newId(): string {
    this.#lastId += 1;
    return `3A${randomBytes(8).toString('hex').toUpperCase()}`;
  }

  #linkOf(account: Account): Link | undefined {
    return [...this.#online].find(([, one]) => one === account)?.[0];
  }

  async #login(link: Link, payload: proto.ClientPayload): Promise<void> {
    if (payload.devicePairingData) {
      const refs = Array.from({ length: REFS }, () => randomBytes(16).toString('base64url'));
      this.#registering.set(link, { refs, codeWait: null, phoneHalf: null, account: null });
      const content: BinaryNode[] = refs.map((ref) => ({ tag: 'ref', attrs: {}, content: Buffer.from(ref) }));
      link.send({ tag: 'iq', attrs: { from: 's.whatsapp.net', type: 'set', id: link.nextId(), xmlns: 'md' }, content: [{ tag: 'pair-device', attrs: {}, content }] });
      return;
    }
    const account = this.#accounts.get(String(payload.username));
    if (!account || account.device !== payload.device) {
      link.send({ tag: 'failure', attrs: { reason: '401', location: 'peer' } });
      link.close();
      return;
    }
    const before = this.#linkOf(account);
    if (before) {
      this.#online.delete(before);
      before.send({ tag: 'stream:error', attrs: { code: '440' }, content: [{ tag: 'conflict', attrs: { type: 'replaced' } }] });
      before.close();
    }
    this.#online.set(link, account);
    this.ledger.add({ kind: 'login', account: account.phone });
    link.send({ tag: 'success', attrs: { t: seconds(), lid: account.deviceLid } });
    this.#sendWaiting(link, account);
  }

  #sendWaiting(link: Link, account: Account): void {
    let place = 0;
    for (const stanza of account.waiting.values()) {
      link.send({ ...stanza, attrs: { ...stanza.attrs, offline: String(place) } });
      place += 1;
    }
    link.send({ tag: 'ib', attrs: { from: 's.whatsapp.net' }, content: [{ tag: 'offline', attrs: { count: String(place) } }] });
  }

  #pairSuccess(link: Link, account: Account, devicePublic: Uint8Array, advSecret: Uint8Array): void {
    link.send({
      tag: 'iq',
      attrs: { from: 's.whatsapp.net', type: 'set', id: link.nextId(), xmlns: 'md' },
      content: [
        {
          tag: 'pair-success',
          attrs: {},
          content: [
            { tag: 'device-identity', attrs: {}, content: account.identity(devicePublic, advSecret) },
            { tag: 'device', attrs: { jid: account.deviceJid, lid: account.deviceLid } },
            { tag: 'platform', attrs: { name: 'android' } },
            { tag: 'biz', attrs: { name: account.name } },
          ],
        },
      ],
    });
  }

  async #stanza(link: Link, node: BinaryNode): Promise<void> {
    if (node.tag === 'iq') return this.#iq(link, node);
    const account = this.#online.get(link);
    if (!account) return;
    if (node.tag === 'receipt') return this.#deviceReceipt(link, account, node);
    if (node.tag === 'message') return this.#fromBusiness(link, account, node);
    if (node.tag === 'ack' && node.attrs['class'] === 'receipt') account.waiting.delete(receiptName(node));
    if (node.tag === 'ack' && node.attrs['class'] === 'message' && node.attrs['error'] !== undefined) {
      this.ledger.add({ kind: 'refused', account: account.phone, id: node.attrs['id'] ?? null, text: node.attrs['error'] });
    }
    if (node.tag === 'chatstate') {
      const customer = this.#customerOf(node.attrs['to'] ?? '');
      this.ledger.add({ kind: 'typing', account: account.phone, customer: customer.phone, text: children(node)[0]?.tag ?? null });
    }
  }

  async #iq(link: Link, node: BinaryNode): Promise<void> {
    const registering = this.#registering.get(link);
    const account = this.#online.get(link);
    const [request] = children(node);
    if (node.attrs['type'] === 'result') {
      if (request?.tag === 'pair-device-sign') this.#linkedNow(link);
      return;
    }
    if (request?.tag === 'link_code_companion_reg' && registering) return this.#codeExchange(link, registering, node, request);
    const uploads = request?.tag === 'list' || child(node, 'registration') !== undefined;
    if (uploads && account) {
      account.upload(readUpload(node));
      this.ledger.add({ kind: 'keys', account: account.phone });
    }
    if (request?.tag === 'remove-companion-device' && account) {
      this.ledger.add({ kind: 'logout', account: account.phone });
      account.device += 1;
    }
    link.send(answerIq(node, account ?? null, (jid) => this.#customerOf(jid)));
    if (uploads && account && this.behaviour.sharesKeys) await this.#shareKeys(link, account);
  }

  /** What the business's phone sends its new device first. */
  async #shareKeys(link: Link, account: Account): Promise<void> {
    const phone = new Customer(account.phone, account.lid, account.name);
    await phone.begin(account.deviceLid, account.bundle());
    const key = { keyId: { keyId: randomBytes(6) }, keyData: { keyData: randomBytes(32), fingerprint: { rawId: 1, currentIndex: 0, deviceIndexes: [0] }, timestamp: Date.now() } };
    const protocolMessage = { type: proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys: [key] } };
    const enc = await phone.encrypt(account.deviceLid, { protocolMessage });
    link.send({ tag: 'message', attrs: { id: this.newId(), from: phone.phoneJid, type: 'text', category: 'peer', t: seconds() }, content: [enc] });
  }

  #codeExchange(link: Link, registering: Registering, iq: BinaryNode, request: BinaryNode): void {
    const ref = registering.refs[0] ?? '';
    const content: BinaryNode[] = [];
    if (request.attrs['stage'] === 'companion_hello') {
      registering.codeWait = readHello(request, ref);
      content.push({ tag: 'link_code_companion_reg', attrs: { stage: 'companion_hello' }, content: [{ tag: 'link_code_pairing_ref', attrs: {}, content: Buffer.from(ref) }] });
    }
    link.send({ tag: 'iq', attrs: { id: iq.attrs['id'] ?? '', type: 'result', from: 's.whatsapp.net' }, content });
    if (request.attrs['stage'] !== 'companion_finish' || !registering.phoneHalf || !registering.account) return;
    const { devicePublic, advSecret } = registering.phoneHalf.finish(request);
    registering.account.link();
    this.#pairSuccess(link, registering.account, devicePublic, advSecret);
  }

  #linkedNow(link: Link): void {
    this.#registering.delete(link);
    this.ledger.add({ kind: 'linked', account: '' });
    link.send({ tag: 'stream:error', attrs: { code: '515' } });
    link.close();
  }

  async #deviceReceipt(link: Link, account: Account, node: BinaryNode): Promise<void> {
    const { id = '', type, to = '' } = node.attrs;
    link.send({ tag: 'ack', attrs: { class: 'receipt', id, from: to, ...(type ? { type } : {}) } });
    const list = child(node, 'list');
    const ids = [id, ...children(list).flatMap((item) => item.attrs['id'] ?? [])];
    if (type === 'retry') return this.#encryptAgain(account, this.#customerOf(to), id);
    const kind = type === 'read' || type === 'read-self' ? 'read' : 'taken';
    for (const one of ids) {
      if (kind === 'taken' && !account.waiting.delete(one)) continue;
      this.ledger.add({ kind, account: account.phone, customer: this.#customerOf(to).phone, id: one });
    }
  }

  /** The device could not read a message: the customer's phone begins anew and sends it again. */
  async #encryptAgain(account: Account, customer: Customer, id: string): Promise<void> {
    this.ledger.add({ kind: 'refused', account: account.phone, customer: customer.phone, id, text: 'retry' });
    const message = account.written.get(id);
    if (!message || !account.waiting.has(id)) return;
    await customer.begin(account.deviceLid, account.bundle());
    await this.#deliver(account, customer, message, id);
  }

  async #fromBusiness(link: Link, account: Account, node: BinaryNode): Promise<void> {
    const { id = '', to = '' } = node.attrs;
    if (this.behaviour.ackError !== null) {
      link.send({ tag: 'ack', attrs: { class: 'message', id, from: to, error: this.behaviour.ackError } });
      return;
    }
    link.send({ tag: 'ack', attrs: { class: 'message', id, from: to, t: seconds() } });
    const customer = this.#customerOf(to);
    const enc = children(child(node, 'participants')).map((one) => child(one, 'enc'))[0] ?? child(node, 'enc');
    if (!enc) return;
    // Ids are one chat's own.
    const place = `${account.phone} ${id}`;
    const repeated = customer.shown.has(place);
    const read = await customer.decrypt(account.deviceLid, enc.attrs['type'] ?? 'msg', bytes(enc));
    if (repeated) {
      // A phone shows a message once, whatever arrives.
      this.ledger.add({ kind: 'repeated', account: account.phone, customer: customer.phone, id });
    } else if ('error' in read) {
      this.ledger.add({ kind: 'unreadable', account: account.phone, customer: customer.phone, id, text: read.error.message });
      this.#askAgain(account, customer, id);
      return;
    } else {
      customer.shown.add(place);
      this.ledger.add({ kind: 'from_business', account: account.phone, customer: customer.phone, id, text: textOf(read.message), ...(textOf(read.message) === null ? { message: read.message.toJSON() } : {}) });
    }
    if (this.behaviour.delivered) this.#receipt(account, customer, id, null);
    if (this.behaviour.read) this.#receipt(account, customer, id, 'read');
  }

  /** What a phone does with a message it cannot read. */
  #askAgain(account: Account, customer: Customer, id: string): void {
    const count = (customer.retries.get(id) ?? 0) + 1;
    customer.retries.set(id, count);
    if (count > 5) return;
    const bundle = customer.bundle();
    const [registration, ...keys] = bundleNodes(bundle);
    this.#sendReceipt(account, {
      tag: 'receipt',
      attrs: { id, from: customer.lidJid, type: 'retry', t: seconds() },
      content: [
        { tag: 'retry', attrs: { count: String(count), id, t: seconds(), v: '1' } },
        ...(registration ? [registration] : []),
        { tag: 'keys', attrs: {}, content: keys },
      ],
    });
  }

  #receipt(account: Account, customer: Customer, id: string, type: 'read' | null, at = seconds()): void {
    this.#sendReceipt(account, { tag: 'receipt', attrs: { id, from: customer.lidJid, t: at, ...(type ? { type } : {}) } });
  }

  /** A receipt waits like a message until the device acknowledged it. */
  #sendReceipt(account: Account, receipt: BinaryNode): void {
    account.waiting.set(receiptName(receipt), receipt);
    this.#linkOf(account)?.send(receipt);
  }

  #customerOf(jid: string): Customer {
    const user = userOf(jid);
    const byLid = [...this.#customers.values()].find((customer) => customer.lid === user);
    return byLid ?? this.customer(user);
  }

  #closed(link: Link): void {
    this.#registering.delete(link);
    const account = this.#online.get(link);
    this.#online.delete(link);
    if (account) this.ledger.add({ kind: 'closed', account: account.phone });
  }
}

function seconds(): string {
  return String(Math.floor(Date.now() / 1000));
}

function textOf(message: proto.Message): string | null {
  return message.conversation || message.extendedTextMessage?.text || null;
}

function receiptName({ attrs }: BinaryNode): string {
  return `receipt:${attrs['id'] ?? ''}:${attrs['type'] ?? ''}`;
}
