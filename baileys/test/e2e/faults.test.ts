// What goes wrong: closes, networks, backends, owners, requests. Each test has a world of its own or says why not.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import { BUSINESS, CUSTOMER, PHONE, World } from '../support/world.js';

async function world(t: TestContext, env: Record<string, string> = {}): Promise<World> {
  const made = await World.start(env);
  t.after(() => made.stop());
  return made;
}

async function linked(t: TestContext, env: Record<string, string> = {}): Promise<World> {
  const made = await world(t, env);
  await made.link();
  return made;
}

const logins = (made: World) => made.peer.ledger.of('login').length;
const path = `/v1/sessions/${BUSINESS}`;

describe('closes', { concurrency: 2 }, () => {
  it('401: logged out, nothing tried again, linking anew works', async (t) => {
    const made = await linked(t);
    made.peer.close(PHONE, { kind: 'error', code: '401', conflict: 'device_removed' });
    await made.backend.untilState(BUSINESS, 'logged_out');
    const { body } = await made.sidecar.request('GET', path);
    assert.deepEqual([body['linked'], body['me'], body['retry_at'], body['close_code']], [false, null, null, 401]);
    assert.equal((await made.send('m', 'x')).body['code'], 'not_linked');
    await made.link();
    assert.equal((await made.sidecar.request('GET', path)).body['state'], 'open');
  });

  it('440: a clear state, no reconnect war, also across a restart', async (t) => {
    const made = await linked(t);
    const before = logins(made);
    made.peer.close(PHONE, { kind: 'error', code: '440', conflict: 'replaced' });
    const state = await made.backend.untilState(BUSINESS, 'replaced');
    assert.ok((state.retry_at ?? 0) - state.since_at >= 30_000);
    await made.sidecar.kill();
    await made.sidecar.start();
    const { body } = await made.sidecar.request('GET', path);
    assert.equal(body['state'], 'replaced');
    assert.equal(logins(made), before);
    assert.equal((await made.sidecar.request('POST', `${path}/resume`, {})).status, 202);
    await made.backend.untilState(BUSINESS, 'open');
  });

  it('403: banned, and it stays so', async (t) => {
    const made = await linked(t);
    made.peer.close(PHONE, { kind: 'failure', reason: '403' });
    await made.backend.untilState(BUSINESS, 'banned');
    assert.equal((await made.sidecar.request('POST', `${path}/resume`, {})).status, 409);
  });

  it('402: paused with the reason and the end that WhatsApp gave', async (t) => {
    const made = await linked(t);
    made.peer.close(PHONE, { kind: 'failure', reason: '402', extra: { code: '101', expire: '3600' } });
    const state = await made.backend.untilState(BUSINESS, 'paused');
    assert.equal(state.reason, 'too_many_strangers');
    assert.equal((state.retry_at ?? 0) - state.since_at, 3_600_000);
  });

  it('a cut connection comes back with the same device', async (t) => {
    const made = await linked(t);
    const before = logins(made);
    made.peer.close(PHONE, { kind: 'drop' });
    await made.peer.ledger.until((entries) => entries.filter(({ kind }) => kind === 'login').length > before, 'a login');
    await made.backend.untilState(BUSINESS, 'open');
  });
});

describe('the network', { concurrency: 2 }, () => {
  it('gone: the state says so; back: connected within 10 s, and what was queued arrives', async (t) => {
    const made = await linked(t);
    await made.peer.networkDown();
    await made.backend.until(() => made.backend.states(BUSINESS).at(-1)?.reason === 'no_network', 'no network');
    const before = logins(made);
    const queued = await made.peer.write(CUSTOMER, PHONE, { conversation: 'are you there?' });
    const back = Date.now();
    await made.peer.networkUp();
    await made.peer.ledger.until((entries) => entries.filter(({ kind }) => kind === 'login').length > before, 'a login', 10_000);
    process.stdout.write(`connected ${Date.now() - back} ms after the network was back\n`);
    await made.backend.until(() => made.backend.messages().some(({ wa_id, via }) => wa_id === queued && via === 'append'), 'the queued message');
  });

  it('never there: no code is promised, and the state says why', async (t) => {
    const made = await world(t);
    await made.peer.networkDown();
    await made.own();
    await made.sidecar.request('POST', `${path}/link`, { method: 'qr' });
    await made.backend.until(() => made.backend.states(BUSINESS).at(-1)?.reason === 'no_network', 'no network');
    assert.equal((await made.sidecar.request('GET', `${path}/qr`)).body['qr'], null);
    await made.peer.networkUp();
    await made.qr(BUSINESS);
  });

  it('an upgrade that is answered with 503 does not hang for ever', async (t) => {
    const made = await linked(t, { WA_CONNECT_TIMEOUT_MS: '500' });
    made.peer.behaviour.upgrade = 503;
    made.peer.close(PHONE, { kind: 'drop' });
    await made.backend.until(() => made.backend.states(BUSINESS).at(-1)?.reason === 'no_network', 'the watchdog', 20_000);
    made.peer.behaviour.upgrade = 101;
    await made.backend.untilState(BUSINESS, 'open', 30_000);
  });
});

describe('linking', { concurrency: 2 }, () => {
  it('by a code that is typed on the phone', async (t) => {
    const made = await world(t);
    await made.own();
    assert.equal((await made.sidecar.request('POST', `${path}/link`, { method: 'pairing_code', phone: '15550100' })).status, 202);
    const code = await made.backend.until(() => made.backend.codes.find(({ pairing_code }) => typeof pairing_code === 'string')?.['pairing_code'] as string, 'a pairing code');
    assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await made.peer.typeCode(code, PHONE);
    await made.backend.untilState(BUSINESS, 'open');
  });

  it('shows every code of the batch, then says that they ran out', async (t) => {
    const made = await world(t, { WA_QR_TIMEOUT_MS: '150' });
    await made.own();
    await made.sidecar.request('POST', `${path}/link`, { method: 'qr' });
    await made.backend.untilState(BUSINESS, 'expired');
    const shown = made.backend.codes.filter(({ qr }) => typeof qr === 'string');
    assert.deepEqual(shown.map(({ seq, attempts_left }) => [seq, attempts_left]), [[1, 5], [2, 4], [3, 3], [4, 2], [5, 1], [6, 0]]);
    await made.backend.until(() => made.backend.codes.at(-1)?.['qr'] === null, 'that the code is gone');
    await made.link();
  });

  it('names the passkey when the phone asks for one', async (t) => {
    const made = await world(t);
    await made.own();
    await made.sidecar.request('POST', `${path}/link`, { method: 'qr' });
    await made.qr(BUSINESS);
    made.peer.askForPasskey();
    assert.equal((await made.backend.untilState(BUSINESS, 'needs_passkey')).reason, 'passkey');
  });

  it('ends by unlinking, which is the only thing that logs out', async (t) => {
    const made = await linked(t);
    const { status, body } = await made.sidecar.request('POST', `${path}/unlink`, {});
    assert.deepEqual([status, body['state'], body['linked']], [200, 'idle', false]);
    assert.equal(made.peer.ledger.of('logout').length, 1);
    await made.sidecar.kill();
    await made.sidecar.start();
    assert.equal((await made.sidecar.request('GET', path)).body['state'], 'idle');
  });
});

describe('the backend', { concurrency: 2 }, () => {
  it('away: everything is delivered after, in order, once', async (t) => {
    const made = await linked(t);
    await made.backend.leave();
    const written: string[] = [];
    for (let n = 0; n < 120; n += 1) written.push(await made.peer.write(CUSTOMER, PHONE, { conversation: `message ${n}` }));
    await made.peer.ledger.until((entries) => entries.filter(({ kind }) => kind === 'taken').length === written.length, 'all taken');
    await made.sidecar.kill();
    await made.sidecar.start();
    await made.backend.listen();
    await made.backend.until(() => made.backend.messages().length >= written.length, 'all messages', 40_000);
    assert.deepEqual(made.backend.messages().map(({ wa_id }) => wa_id), written);
  });

  it('that gave the session to another owner stops this one', async (t) => {
    const made = await linked(t);
    const newer = await made.sidecar.request('PUT', path, { owner_epoch: 2 });
    assert.deepEqual([newer.status, newer.body['owner_epoch']], [200, 2]);
    const older = await made.sidecar.request('PUT', path, { owner_epoch: 1 });
    assert.deepEqual([older.status, older.body['code']], [409, 'fenced']);
    await made.backend.until(() => made.peer.isOnline(PHONE), 'the new owner');
  });

  it('that does not renew a lease loses the session before it ends', async (t) => {
    const made = await linked(t);
    const { body } = await made.sidecar.request('PUT', path, { owner_epoch: 1, lease_ms: 1_000 });
    assert.equal(body['state'], 'open');
    await made.peer.ledger.until((entries) => entries.some(({ kind, account }) => kind === 'closed' && account === PHONE), 'the close', 1_000);
    const after = await made.sidecar.request('GET', path);
    assert.deepEqual([after.body['state'], after.body['reason']], ['fenced', 'lease_lost']);
    assert.equal((await made.send('m', 'x')).body['code'], 'fenced');
    await made.sidecar.request('PUT', path, { owner_epoch: 1, lease_ms: null });
    await made.backend.until(() => made.peer.isOnline(PHONE), 'the owner back');
  });
});

describe('requests', () => {
  it('without a signature, with a wrong one, or used before are refused; probes are not', async (t) => {
    const made = await world(t);
    const body = Buffer.from('{"owner_epoch":1}');
    const headers = made.sidecar.headers('PUT', path, body);
    assert.equal((await made.sidecar.send('PUT', path, body, headers)).status, 200);
    const refused = [
      await made.sidecar.send('PUT', path, body, headers),
      await made.sidecar.send('PUT', path, body, {}),
      await made.sidecar.send('PUT', path, body, made.sidecar.headers('PUT', path, Buffer.from('{"owner_epoch":2}'))),
      await made.sidecar.send('PUT', path, body, { ...made.sidecar.headers('PUT', path, body), 'x-prosaas-nonce': randomBytes(16).toString('hex') }),
      await made.sidecar.send('PUT', path, body, made.sidecar.headers('PUT', path, body, String(Date.now() - 61_000))),
      await made.sidecar.send('GET', '/v1/sessions', Buffer.alloc(0), {}),
      await made.sidecar.send('GET', '/nowhere', Buffer.alloc(0), {}),
    ];
    assert.deepEqual(refused.map(({ status, body: { code } }) => [status, code]), refused.map(() => [401, 'unauthorized']));
    assert.equal((await made.sidecar.send('GET', '/health', Buffer.alloc(0), {})).status, 200);
    const metrics = await made.sidecar.send('GET', '/metrics', Buffer.alloc(0), {});
    assert.match(String(metrics.body['text']), /prosaas_whatsapp_refused_total 7/);
    assert.equal((await made.sidecar.request('GET', '/v1/sessions/nobody')).status, 404);
  });

  it('replayed after a restart are refused as well', async (t) => {
    const made = await world(t);
    const headers = made.sidecar.headers('GET', '/v1/sessions', Buffer.alloc(0));
    assert.equal((await made.sidecar.send('GET', '/v1/sessions', Buffer.alloc(0), headers)).status, 200);
    await made.sidecar.kill();
    await made.sidecar.start();
    assert.equal((await made.sidecar.send('GET', '/v1/sessions', Buffer.alloc(0), headers)).status, 401);
  });

  it('to write to strangers are refused, unless policy and request allow it', async (t) => {
    const made = await linked(t);
    assert.deepEqual(((r) => [r.status, r.body['code']])(await made.send('m1', 'hi')), [409, 'stranger']);
    assert.equal((await made.send('m1', 'hi', { first_contact: true })).body['code'], 'stranger');
    await made.own(BUSINESS, { policy: { strangers: 'asked' } });
    assert.equal((await made.send('m1', 'hi')).body['code'], 'stranger');
    const cold = await made.send('m1', 'hi', { first_contact: true, chat: `${CUSTOMER}@s.whatsapp.net` });
    assert.equal(cold.status, 202);
    await made.peer.ledger.until((entries) => entries.some(({ kind, customer }) => kind === 'from_business' && customer === CUSTOMER), 'the message');
  });

  it('that WhatsApp refuses end as failed, with its number', async (t) => {
    const made = await linked(t);
    await made.peer.write(CUSTOMER, PHONE, { conversation: 'hello' });
    await made.backend.until(() => made.backend.messages().length > 0, 'the message');
    made.peer.behaviour.ackError = '463';
    await made.send('m1', 'hi');
    await made.backend.until(() => made.backend.receipts('m1').includes('failed'), 'the failure');
    const { body } = await made.sidecar.request('GET', `${path}/messages/m1`);
    assert.deepEqual([body['status'], (body['error'] as unknown as { code: string }).code], ['failed', '463']);
  });

  it('for a file that is too large are refused with a sentence, also when the backend sends more than it said', async (t) => {
    const made = await linked(t);
    await made.peer.write(CUSTOMER, PHONE, { conversation: 'hello' });
    await made.backend.until(() => made.backend.messages().length > 0, 'the message');
    const media = (bytes: number) => ({ content: { type: 'document', media: { path: '/files/1', mime: 'application/pdf', bytes, file_name: 'a.pdf' } } });
    const large = await made.send('m1', '', media(100_000_000));
    assert.deepEqual([large.status, large.body['code']], [413, 'too_large']);
    assert.match(String(large.body['message']), /too large/);
    assert.equal((await made.send('m2', '', media(10))).status, 202);
    await made.backend.until(() => made.backend.receipts('m2').includes('failed'), 'the failure');
    const { body } = await made.sidecar.request('GET', `${path}/messages/m2`);
    assert.equal((body['error'] as unknown as { code: string }).code, 'media_unavailable');
  });
});

describe('messages', () => {
  it('of unknown types arrive as such, and the next one too', async (t) => {
    const made = await linked(t);
    await made.peer.write(CUSTOMER, PHONE, { pollCreationMessage: { name: 'Lunch?', options: [{ optionName: 'yes' }] } });
    await made.peer.write(CUSTOMER, PHONE, { conversation: 'and?' });
    await made.backend.until(() => made.backend.messages().length === 2, 'both');
    assert.deepEqual(made.backend.messages().map(({ content }) => content.type), ['unknown', 'text']);
  });

  it('that come twice are one', async (t) => {
    const made = await linked(t);
    const id = await made.peer.write(CUSTOMER, PHONE, { conversation: 'once' });
    made.peer.repeat(PHONE, id);
    await made.peer.write(CUSTOMER, PHONE, { conversation: 'after' });
    await made.backend.until(() => made.backend.messages().some(({ content }) => content.text === 'after'), 'the next one');
    assert.deepEqual(made.backend.messages().map(({ content }) => content.text), ['once', 'after']);
  });

  it('typing and blue ticks reach the customer', async (t) => {
    const made = await linked(t);
    const id = await made.peer.write(CUSTOMER, PHONE, { conversation: 'hello' });
    await made.backend.until(() => made.backend.messages().length > 0, 'the message');
    const chat = `8${CUSTOMER}@lid`;
    assert.equal((await made.sidecar.request('POST', `${path}/typing`, { chat, state: 'composing' })).status, 204);
    await made.peer.ledger.until((entries) => entries.some(({ kind, text }) => kind === 'typing' && text === 'composing'), 'typing');
    assert.equal((await made.sidecar.request('POST', `${path}/read`, { chat, wa_ids: [id] })).status, 204);
    await made.peer.ledger.until((entries) => entries.some((entry) => entry.kind === 'read' && entry.id === id), 'the blue ticks');
  });

  it('and keys, numbers and codes stand in no log line', async (t) => {
    const made = await linked(t);
    await made.peer.write(CUSTOMER, PHONE, { conversation: 'a-private-sentence' });
    await made.backend.until(() => made.backend.messages().length > 0, 'the message');
    await made.send('m1', 'another-private-sentence');
    await made.backend.until(() => made.backend.receipts('m1').includes('delivered'), 'delivered');
    const log = made.sidecar.lines.join('\n');
    assert.ok(log.includes('"state":"open"'));
    for (const secret of [CUSTOMER, PHONE, 'private-sentence', 'linked_devices', 'privKey']) assert.ok(!log.includes(secret), `${secret} is in the log`);
  });
});
