// The library's credentials and keys over our store.

import { BufferJSON, initAuthCreds, proto, type AuthenticationCreds, type SignalDataSet, type SignalDataTypeMap, type SignalKeyStore } from '@whiskeysockets/baileys';

import { TAPPED, type Tapped } from './tap.js';
import type { KeyChange, SessionStore } from '../store/types.js';
import type { Me } from '../session/machine.js';

export function newCreds(): AuthenticationCreds {
  return initAuthCreds();
}

export function readCreds(text: string): AuthenticationCreds {
  return JSON.parse(text, BufferJSON.reviver) as AuthenticationCreds;
}

export function writeCreds(creds: AuthenticationCreds): string {
  return JSON.stringify(creds, BufferJSON.replacer);
}

/** Linked is who has an account and an id: `registered` stays false for those who scanned. */
export function isLinked(creds: AuthenticationCreds): boolean {
  return creds.account !== undefined && creds.me?.id !== undefined;
}

export function meOf(creds: AuthenticationCreds): Me | null {
  const { me } = creds;
  return me?.id ? { id: me.id, lid: me.lid ?? null, name: me.name ?? null } : null;
}

/** Keys in our store. What the tap added is committed in the same transaction. */
export function keyStore(store: SessionStore, onEvents: () => void): SignalKeyStore {
  return {
    async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      const found: { [id: string]: SignalDataTypeMap[T] } = {};
      for (const [id, value] of await store.getKeys(type, ids)) found[id] = revive(type, value);
      return found;
    },
    async set(data: SignalDataSet) {
      const keys: KeyChange[] = [];
      const tapped: Tapped[] = [];
      for (const [type, entries] of Object.entries(data as Record<string, Record<string, unknown>>)) {
        if (type === TAPPED) {
          tapped.push(...(Object.values(entries) as Tapped[]));
          continue;
        }
        for (const [id, value] of Object.entries(entries)) {
          keys.push({ type, id, value: value === null || value === undefined ? null : JSON.stringify(value, BufferJSON.replacer) });
        }
      }
      const events = tapped.flatMap(({ event }) => (event ? [event] : []));
      await store.commit({ keys, plain: tapped, events });
      if (events.length > 0) onEvents();
    },
  };
}

function revive<T extends keyof SignalDataTypeMap>(type: T, text: string): SignalDataTypeMap[T] {
  const value: unknown = JSON.parse(text, BufferJSON.reviver);
  const whole = type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value as object) : value;
  return whole as SignalDataTypeMap[T];
}
