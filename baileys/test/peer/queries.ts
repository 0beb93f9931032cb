// Answers to the client's questions.

import type { BinaryNode } from '@whiskeysockets/baileys';

import type { Account } from './account.js';
import type { Customer } from './customer.js';
import { bundleNodes, child, children, readSigned, userOf } from './stanzas.js';

/** Where files would be; nothing listens there. */
const MEDIA_HOST = 'media.invalid';

/** The answer to an iq: an empty result unless the client needs more. */
export function answerIq(iq: BinaryNode, account: Account | null, customerOf: (jid: string) => Customer): BinaryNode {
  const [request] = children(iq);
  const content = request ? answer(request, account, customerOf) : [];
  return { tag: 'iq', attrs: { id: iq.attrs['id'] ?? '', type: 'result', from: 's.whatsapp.net' }, content };
}

function answer(request: BinaryNode, account: Account | null, customerOf: (jid: string) => Customer): BinaryNode[] {
  switch (request.tag) {
    case 'count':
      return [{ tag: 'count', attrs: { value: String(account?.preKeysLeft ?? 0) } }];
    case 'digest':
      return [{ tag: 'digest', attrs: {} }];
    case 'rotate':
      account?.rotate(readSigned(child(request, 'skey')));
      return [];
    case 'key':
      return [{ tag: 'list', attrs: {}, content: children(request).map((user) => keysOf(user, customerOf)) }];
    case 'usync':
      return [usync(request, account, customerOf)];
    case 'privacy':
      return [{ tag: 'privacy', attrs: {}, content: [{ tag: 'category', attrs: { name: 'readreceipts', value: 'all' } }] }];
    case 'media_conn':
      return [{ tag: 'media_conn', attrs: { auth: 'peer', ttl: '3600', auth_ttl: '3600', max_buckets: '12' }, content: [{ tag: 'host', attrs: { hostname: MEDIA_HOST, type: 'primary' } }] }];
    case 'sync':
      return [{ tag: 'sync', attrs: {}, content: children(request).map(({ attrs }) => ({ tag: 'collection', attrs: { name: attrs['name'] ?? '', version: attrs['version'] ?? '0' }, content: [] })) }];
    case 'query':
      return [{ tag: 'result', attrs: {}, content: Buffer.from(reachOut()) }];
    default:
      return [];
  }
}

function keysOf(user: BinaryNode, customerOf: (jid: string) => Customer): BinaryNode {
  const jid = user.attrs['jid'] ?? '';
  return { tag: 'user', attrs: { jid }, content: bundleNodes(customerOf(jid).bundle()) };
}

function usync(request: BinaryNode, account: Account | null, customerOf: (jid: string) => Customer): BinaryNode {
  const asked = new Set(children(child(request, 'query')).map((one) => one.tag));
  const users = children(child(request, 'list')).map((user) => describe(user, asked, account, customerOf));
  return { tag: 'usync', attrs: { ...request.attrs }, content: [{ tag: 'list', attrs: {}, content: users }] };
}

function describe(user: BinaryNode, asked: ReadonlySet<string>, account: Account | null, customerOf: (jid: string) => Customer): BinaryNode {
  const contact = child(user, 'contact')?.content;
  const phone = contact instanceof Uint8Array ? Buffer.from(contact).toString() : typeof contact === 'string' ? contact : null;
  const jid = user.attrs['jid'] ?? `${phone?.replace('+', '') ?? ''}@s.whatsapp.net`;
  const own = account !== null && [account.phone, account.lid].includes(userOf(jid));
  const content: BinaryNode[] = [];
  if (asked.has('devices')) {
    const device = own ? { id: String(account.device), 'key-index': String(account.device) } : { id: '0' };
    content.push({ tag: 'devices', attrs: {}, content: [{ tag: 'device-list', attrs: {}, content: [{ tag: 'device', attrs: device }] }] });
  }
  if (asked.has('lid') && jid.endsWith('@s.whatsapp.net') && !own) content.push({ tag: 'lid', attrs: { val: customerOf(jid).lidJid } });
  if (asked.has('contact')) content.push({ tag: 'contact', attrs: { type: 'in' } });
  return { tag: 'user', attrs: { jid }, content };
}

/** The one graph query that the sidecar asks: no restriction. */
function reachOut(): string {
  return JSON.stringify({ data: { xwa2_fetch_account_reachout_timelock: { is_active: false } } });
}
