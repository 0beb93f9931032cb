import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { movesOn } from '../../src/store/lmdb-session.js';
import { LmdbStore } from '../../src/store/lmdb.js';
import { Seal } from '../../src/store/seal.js';
import { FencedError, type NewEvent } from '../../src/store/types.js';

const KEY = Buffer.alloc(32, 7);
const CHAT = '815550123@lid';
let folder = '';
let store: LmdbStore;
let now = 1_700_000_000_000;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'store-'));
  store = await LmdbStore.open(folder, KEY, () => now);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function message(waId: string, unreadable = false): NewEvent {
  return { kind: 'message', body: { message: { wa_id: waId } }, dedupe: waId, unreadable, knows: [CHAT] };
}

describe('events', () => {
  it('are numbered, doubled never, and gone when acknowledged', async () => {
    const session = await store.own('biz', 1);
    await session.commit({ events: [message('A'), message('B'), message('A')] });
    await session.commit({ events: [message('B'), message('C')] });
    assert.deepEqual((await session.pendingEvents(10)).map(({ seq }) => seq), [1, 2, 3]);
    await session.ackEvents(2);
    await session.commit({ events: [message('A')] });
    assert.deepEqual((await session.pendingEvents(10)).map(({ seq }) => seq), [3]);
  });

  it('of a message that becomes readable are an update, once', async () => {
    const session = await store.own('biz', 1);
    for (const unreadable of [true, true, false, false, true]) await session.commit({ events: [message('A', unreadable)] });
    assert.deepEqual((await session.pendingEvents(10)).map(({ kind }) => kind), ['message', 'message_update']);
  });

  it('are all written with the keys, or none is', async () => {
    const session = await store.own('biz', 1);
    const broken = { ...message('A'), body: { get message(): never { throw new Error('no'); } } };
    await assert.rejects(session.commit({ keys: [{ type: 'session', id: '1', value: 'x' }], events: [broken] }), /no/);
    assert.equal((await session.getKeys('session', ['1'])).size, 0);
    assert.equal(await session.undelivered(), 0);
  });
});

describe('ownership', () => {
  it('refuses every write of an older epoch', async () => {
    const old = await store.own('biz', 1);
    const young = await store.own('biz', 2);
    await assert.rejects(store.own('biz', 1), FencedError);
    for (const write of [
      () => old.saveCreds('x'),
      () => old.commit({ events: [message('A')] }),
      () => old.ackEvents(1),
      () => old.archiveAuth(),
      () => old.update({ active: false }),
      () => old.enqueue({ messageId: 'm', waId: 'w', chat: CHAT, quoted: null, content: '{}' }),
      () => old.changeOutbound(1, { attempts: 1 }),
    ]) {
      await assert.rejects(write(), FencedError);
    }
    await young.saveCreds('mine');
    assert.equal(await young.loadCreds(), 'mine');
  });

  it('lets no second process in', async () => {
    await assert.rejects(LmdbStore.open(folder, KEY, () => now), /another sidecar uses the folder/);
  });
});

describe('sealing', () => {
  it('shows nothing without the key: no text, no id of a person', async () => {
    const session = await store.own('biz', 1);
    await session.saveCreds('very-secret-credentials');
    await session.commit({ keys: [{ type: 'session', id: '815550123.0', value: 'ratchet-of-a-customer' }], events: [message('3EB0SECRET')] });
    await session.enqueue({ messageId: 'm', waId: 'w', chat: CHAT, quoted: null, content: '{"text":"words"}' });
    await store.close();
    for (const file of readdirSync(join(folder, 'store'))) {
      const bytes = readFileSync(join(folder, 'store', file)).toString('latin1');
      for (const secret of ['very-secret', 'ratchet-of', '815550123', '3EB0SECRET', 'words']) assert.ok(!bytes.includes(secret), `${secret} is readable in ${file}`);
    }
    store = await LmdbStore.open(folder, Buffer.alloc(32, 8), () => now);
    await assert.rejects((await store.own('biz', 1)).loadCreds());
  });

  it('binds a record to its business and place', () => {
    const sealed = new Seal(KEY, 'one').seal('creds:one', Buffer.from('x'));
    assert.equal(new Seal(KEY, 'one').open('creds:one', sealed).toString(), 'x');
    assert.throws(() => new Seal(KEY, 'two').open('creds:one', sealed));
    assert.throws(() => new Seal(KEY, 'one').open('archive:one', sealed));
    sealed[20] = (sealed[20] ?? 0) ^ 1;
    assert.throws(() => new Seal(KEY, 'one').open('creds:one', sealed));
  });

  it('keeps businesses apart whose names begin alike', async () => {
    const one = await store.own('biz', 1);
    const two = await store.own('biz-2', 1);
    await two.saveCreds('two');
    await two.commit({ keys: [{ type: 'session', id: '1', value: 'x' }], events: [message('A')] });
    await one.archiveAuth();
    await one.ackEvents(99);
    assert.equal(await two.loadCreds(), 'two');
    assert.equal((await two.getKeys('session', ['1'])).get('1'), 'x');
    assert.equal(await two.undelivered(), 1);
  });
});

describe('messages of ours', () => {
  it('are one message per id, and stay queued until WhatsApp has them', async () => {
    const session = await store.own('biz', 1);
    const fresh = { messageId: 'm1', waId: 'W1', chat: CHAT, quoted: null, content: '{}' };
    assert.equal((await session.enqueue(fresh)).isNew, true);
    const again = await session.enqueue({ ...fresh, waId: 'W2' });
    assert.deepEqual([again.isNew, again.outbound.waId], [false, 'W1']);
    const { n } = again.outbound;
    await session.changeOutbound(n, { status: 'sent' });
    assert.equal(await session.queued(), 1);
    await session.changeOutbound(n, { status: 'read' });
    assert.equal(await session.queued(), 0);
    await session.changeOutbound(n, { status: 'delivered' });
    assert.equal((await session.outboundByWaId('W1'))?.status, 'read');
    assert.equal(await session.undelivered(), 2);
  });

  it('move forward only', () => {
    assert.ok(movesOn('queued', 'sent') && movesOn('sent', 'read') && movesOn('server', 'failed'));
    assert.ok(!movesOn('read', 'delivered') && !movesOn('sent', 'sent') && !movesOn('delivered', 'failed') && !movesOn('failed', 'sent'));
  });

  it('and what customers wrote are forgotten after their time', async () => {
    const session = await store.own('biz', 1);
    const { outbound } = await session.enqueue({ messageId: 'm1', waId: 'W1', chat: CHAT, quoted: null, content: '{}' });
    await session.enqueue({ messageId: 'm2', waId: 'W2', chat: CHAT, quoted: null, content: '{}' });
    await session.changeOutbound(outbound.n, { status: 'server' });
    await session.commit({ plain: [{ digest: 'd', bytes: Buffer.from('x') }], events: [{ ...message('A'), original: { waId: 'A', bytes: Buffer.from('y') } }] });
    now += 15 * 24 * 3_600_000;
    await store.sweep();
    assert.equal(await session.outboundById('m1'), null);
    assert.notEqual(await session.outboundById('m2'), null, 'what was never sent stays');
    assert.equal(await session.original('A'), null);
    assert.equal(await session.getPlain('d'), null);
    await session.commit({ events: [message('A')] });
    assert.equal((await session.pendingEvents(10)).filter(({ kind }) => kind === 'message').length, 1, 'and a redelivery is still known');
  });

  it('may be addressed to who wrote', async () => {
    const session = await store.own('biz', 1);
    assert.equal(await session.isKnown(CHAT), false);
    await session.commit({ events: [message('A')] });
    assert.equal(await session.isKnown(CHAT), true);
  });
});
