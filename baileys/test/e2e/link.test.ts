// Linking, talking, and coming back, with the library as it is published against the local peer.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { BUSINESS, CUSTOMER, PHONE, World } from '../support/world.js';

describe('a linked business', () => {
  let world: World;
  before(async () => {
    world = await World.start();
    await world.link();
  });
  after(() => world.stop());

  it('was linked by the code, through 515, with its keys uploaded', async () => {
    const states = world.backend.states(BUSINESS).map(({ state }) => state);
    assert.deepEqual(states.filter((state) => state !== 'connecting'), ['idle', 'qr', 'linking', 'open']);
    const { body } = await world.sidecar.request('GET', `/v1/sessions/${BUSINESS}`);
    assert.equal(body['linked'], true);
    assert.deepEqual(body['me'], { id: `${PHONE}:1@s.whatsapp.net`, lid: `9${PHONE}:1@lid`, phone: PHONE, name: `Business ${BUSINESS}` });
    const [account] = world.peer.accounts;
    assert.ok((account?.preKeysLeft ?? 0) > 800);
  });

  it('receives an encrypted message, once', async () => {
    const id = await world.peer.write(CUSTOMER, PHONE, { conversation: 'Are you open?' });
    const message = await world.backend.until(() => world.backend.messages().find((one) => one.wa_id === id), 'the message');
    assert.deepEqual(message.chat, { id: `8${CUSTOMER}@lid`, alt: `${CUSTOMER}@s.whatsapp.net`, phone: CUSTOMER, kind: 'person' });
    assert.deepEqual(message.content, { type: 'text', text: 'Are you open?' });
    assert.equal(message.via, 'notify');
    await world.peer.ledger.until((entries) => entries.find((entry) => entry.kind === 'taken' && entry.id === id), 'the receipt');
    assert.equal(world.backend.messages().filter((one) => one.wa_id === id).length, 1);
  });

  it('answers, and sees the answer delivered and read', async () => {
    const { status, body } = await world.send('msg_01', 'At nine.');
    assert.equal(status, 202);
    const shown = await world.peer.ledger.until((entries) => entries.find(({ kind, id }) => kind === 'from_business' && id === body['wa_id']), 'the answer');
    assert.equal(shown.text, 'At nine.');
    await world.backend.until(() => world.backend.receipts('msg_01').includes('delivered'), 'delivered');
    world.peer.markRead(CUSTOMER, PHONE, String(body['wa_id']));
    await world.backend.until(() => world.backend.receipts('msg_01').includes('read'), 'read');
    const again = await world.send('msg_01', 'At nine.');
    assert.equal(again.status, 200);
    assert.equal(again.body['status'], 'read');
    assert.equal((await world.send('msg_01', 'At ten.')).status, 409);
  });

  it('comes back after a restart without a new code', async () => {
    const codes = world.backend.codes.length;
    assert.equal(await world.sidecar.stop(), 0);
    assert.equal(world.peer.ledger.of('logout').length, 0);
    const logins = world.peer.ledger.of('login').length;
    const queued = await world.peer.write(CUSTOMER, PHONE, { conversation: 'While you were away' });
    await world.sidecar.start();
    await world.peer.ledger.until((entries) => entries.filter(({ kind }) => kind === 'login').length > logins, 'a login');
    const message = await world.backend.until(() => world.backend.messages().find((one) => one.wa_id === queued), 'the queued message');
    assert.equal(message.via, 'append');
    assert.equal(world.backend.codes.length, codes);
  });
});
