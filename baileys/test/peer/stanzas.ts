// Pieces of stanzas that the server reads and writes.

import { encodeBigEndian, type BinaryNode } from '@whiskeysockets/baileys';

import type { Bundle } from './customer.js';

export function children(node: BinaryNode | undefined): readonly BinaryNode[] {
  return node && Array.isArray(node.content) ? node.content : [];
}

export function child(node: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return children(node).find((one) => one.tag === tag);
}

export function bytes(node: BinaryNode | undefined): Buffer {
  if (!node || !(node.content instanceof Uint8Array)) throw new Error('a stanza lacks bytes');
  return Buffer.from(node.content);
}

function number(node: BinaryNode | undefined): number {
  const content = bytes(node);
  return content.readUIntBE(0, content.length);
}

/** The user of a jid, without device and server. */
export function userOf(jid: string): string {
  return jid.split('@')[0]?.split(':')[0] ?? '';
}

export function bundleNodes({ registrationId, identity, signed, preKey }: Bundle): BinaryNode[] {
  const nodes: BinaryNode[] = [
    { tag: 'registration', attrs: {}, content: encodeBigEndian(registrationId) },
    { tag: 'type', attrs: {}, content: Buffer.from([5]) },
    { tag: 'identity', attrs: {}, content: identity },
    {
      tag: 'skey',
      attrs: {},
      content: [
        { tag: 'id', attrs: {}, content: encodeBigEndian(signed.id, 3) },
        { tag: 'value', attrs: {}, content: signed.key },
        { tag: 'signature', attrs: {}, content: signed.signature },
      ],
    },
  ];
  if (preKey) {
    nodes.push({
      tag: 'key',
      attrs: {},
      content: [
        { tag: 'id', attrs: {}, content: encodeBigEndian(preKey.id, 3) },
        { tag: 'value', attrs: {}, content: preKey.key },
      ],
    });
  }
  return nodes;
}

/** What a device uploads: who it is, its signed key, and one-time keys. */
export interface Upload {
  readonly base: Omit<Bundle, 'preKey'>;
  readonly preKeys: readonly NonNullable<Bundle['preKey']>[];
}

export function readUpload(iq: BinaryNode): Upload {
  const skey = child(iq, 'skey');
  return {
    base: {
      registrationId: number(child(iq, 'registration')),
      identity: bytes(child(iq, 'identity')),
      signed: readSigned(skey),
    },
    preKeys: children(child(iq, 'list')).map((key) => ({ id: number(child(key, 'id')), key: bytes(child(key, 'value')) })),
  };
}

export function readSigned(skey: BinaryNode | undefined): Bundle['signed'] {
  return { id: number(child(skey, 'id')), key: bytes(child(skey, 'value')), signature: bytes(child(skey, 'signature')) };
}
