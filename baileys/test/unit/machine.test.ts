// Every close code of the reference, and the way from one state to the next.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { deadline, isNews, newMachine, step, type Action, type Input, type Machine, type Me } from '../../src/session/machine.js';

const TIMING = { connectTimeoutMs: 10_000, qrMs: [60_000, 20_000] as const };
const ME: Me = { id: '15550100:1@s.whatsapp.net', lid: '99900011:1@lid', name: 'Salon' };

class Walk {
  machine: Machine = newMachine(0);
  now = 0;
  actions: readonly Action[] = [];

  feed(...inputs: readonly Input[]): this {
    for (const input of inputs) {
      const { machine, actions } = step(this.machine, input, this.now, 0.5, TIMING);
      this.machine = machine;
      this.actions = actions;
    }
    return this;
  }

  close(code: number | null, text = '', banReason: number | null = null, banSeconds: number | null = null): this {
    return this.feed({ kind: 'closed', close: { code, text, banReason, banSeconds } });
  }

  /** Goes to the next deadline. */
  wake(): this {
    const at = deadline(this.machine);
    assert.notEqual(at, null, 'something is due');
    this.now = at ?? 0;
    return this.feed({ kind: 'tick' });
  }

  kinds(): string[] {
    return this.actions.map(({ kind }) => kind);
  }
}

const open = () => new Walk().feed({ kind: 'start', linked: true, me: ME }, { kind: 'dialing' }, { kind: 'open', me: ME });
const showing = () => new Walk().feed({ kind: 'start', linked: false, me: null }, { kind: 'link', method: { kind: 'qr' } }, { kind: 'dialing' }, { kind: 'qr', qr: 'one' });

describe('linking', () => {
  it('goes from the code through 515 to open, with the same credentials', () => {
    const walk = showing();
    assert.equal(walk.machine.state, 'qr');
    walk.feed({ kind: 'paired' });
    assert.deepEqual([walk.machine.state, walk.machine.linked], ['linking', true]);
    walk.close(515);
    assert.deepEqual([walk.machine.state, walk.machine.failures], ['linking', 0]);
    assert.deepEqual(walk.actions, [{ kind: 'connect', fresh: false }]);
    walk.feed({ kind: 'dialing' }, { kind: 'open', me: ME });
    assert.equal(walk.machine.state, 'open');
  });

  it('counts the codes and says when they end', () => {
    const walk = showing();
    assert.deepEqual(walk.machine.code, { qr: 'one', pairingCode: null, seq: 1, expiresAt: 60_000, attemptsLeft: 5 });
    walk.now = 60_000;
    walk.feed({ kind: 'qr', qr: 'two' });
    assert.deepEqual(walk.machine.code, { qr: 'two', pairingCode: null, seq: 2, expiresAt: 80_000, attemptsLeft: 4 });
    walk.close(408, 'QR refs attempts ended');
    assert.deepEqual([walk.machine.state, walk.machine.reason, walk.machine.code, deadline(walk.machine)], ['expired', 'qr_expired', null, null]);
    walk.feed({ kind: 'link', method: { kind: 'qr' } });
    assert.deepEqual(walk.actions.at(-1), { kind: 'connect', fresh: true });
  });

  it('asks for a pairing code once the socket is ready, and only once', () => {
    const walk = new Walk().feed({ kind: 'link', method: { kind: 'pairing_code', phone: '15550100' } }, { kind: 'dialing' }, { kind: 'qr', qr: 'x' });
    assert.deepEqual(walk.actions, [{ kind: 'request_pairing_code', phone: '15550100' }]);
    walk.feed({ kind: 'pairing_code', code: 'ABCD-EFGH' }, { kind: 'qr', qr: 'y' });
    assert.deepEqual([walk.machine.state, walk.machine.code?.pairingCode, walk.actions], ['pairing_code', 'ABCD-EFGH', []]);
  });

  it('names the passkey, when WhatsApp does and when it can only be guessed', () => {
    const told = showing().feed({ kind: 'passkey' });
    assert.deepEqual([told.machine.state, told.machine.reason], ['needs_passkey', 'passkey']);
    const guessed = showing();
    for (let n = 0; n < 3; n += 1) {
      guessed.close(428, 'Connection Terminated');
      if (n < 2) guessed.wake().feed({ kind: 'dialing' }, { kind: 'qr', qr: `again ${n}` });
    }
    assert.deepEqual([guessed.machine.state, guessed.machine.reason, deadline(guessed.machine)], ['needs_passkey', 'passkey_suspected', null]);
  });

  it('throws half-made credentials away when the network failed meanwhile', () => {
    const walk = showing().close(428).wake();
    assert.deepEqual(walk.actions, [{ kind: 'connect', fresh: true }]);
  });
});

describe('close codes', () => {
  it('401: credentials are put aside, and a person must link again', () => {
    const walk = open().close(401);
    assert.deepEqual([walk.machine.state, walk.machine.linked, deadline(walk.machine)], ['logged_out', false, null]);
    assert.deepEqual(walk.kinds(), ['archive_auth', 'alert']);
  });

  it('403 and 406: banned, keys kept, no loop', () => {
    for (const code of [403, 406]) {
      const walk = open().close(code);
      assert.deepEqual([walk.machine.state, walk.machine.closeCode, deadline(walk.machine)], ['banned', code, null]);
      assert.deepEqual(walk.kinds(), ['alert']);
    }
  });

  it('402: waits until the ban ends and says why', () => {
    const walk = open().close(402, '', 101, 3600);
    assert.deepEqual([walk.machine.state, walk.machine.reason, walk.machine.retryAt], ['paused', 'too_many_strangers', 3_600_000]);
    assert.equal(walk.wake().machine.state, 'connecting');
    assert.equal(open().close(402).machine.reason, 'temporary_ban');
  });

  it('405: a newer version three times, then an operator', () => {
    const walk = open();
    for (let n = 0; n < 3; n += 1) {
      walk.close(405);
      assert.deepEqual([walk.machine.state, walk.machine.reason, walk.kinds()], ['waiting', 'outdated', ['refresh_version']]);
      walk.wake().feed({ kind: 'dialing' });
    }
    walk.close(405);
    assert.deepEqual([walk.machine.state, deadline(walk.machine)], ['outdated', null]);
  });

  it('409, 411, 418: stop', () => {
    for (const code of [409, 411, 418]) assert.deepEqual([open().close(code).machine.state, open().close(code).kinds()], ['stopped', ['alert']]);
  });

  it('408, 428 and no code: back off, doubling to a minute, then five', () => {
    const walk = open();
    const waits: number[] = [];
    for (let n = 0; n < 13; n += 1) {
      walk.close(n % 2 === 0 ? 428 : null);
      waits.push(((walk.machine.retryAt ?? 0) - walk.now) * 2);
      walk.wake().feed({ kind: 'dialing' });
    }
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 300_000, 300_000, 300_000]);
  });

  it('without a network it looks often, and says so', () => {
    const walk = open();
    for (let n = 0; n < 12; n += 1) {
      walk.close(408, 'WebSocket Error (connect ECONNREFUSED)');
      assert.deepEqual([walk.machine.state, walk.machine.reason], ['waiting', 'no_network']);
      assert.ok((walk.machine.retryAt ?? 0) - walk.now <= 3_000);
      walk.wake().feed({ kind: 'dialing' });
    }
  });

  it('440: waits at least 30 s, and gives up at the third time', () => {
    const walk = open().close(440);
    assert.deepEqual([walk.machine.state, walk.machine.retryAt], ['replaced', 37_500]);
    walk.wake().feed({ kind: 'dialing' }, { kind: 'open', me: ME }).close(440);
    assert.ok((walk.machine.retryAt ?? 0) - walk.now >= 60_000);
    walk.wake().feed({ kind: 'dialing' }, { kind: 'open', me: ME }).close(440);
    assert.deepEqual([walk.machine.state, deadline(walk.machine), walk.kinds()], ['replaced', null, ['alert']]);
    assert.equal(walk.feed({ kind: 'resume' }).machine.state, 'connecting');
  });

  it('500 and 503: back off, then quarantine with growing waits, nothing wiped', () => {
    for (const [code, reason] of [
      [500, 'bad_session'],
      [503, 'overloaded'],
    ] as const) {
      const walk = open();
      for (let n = 0; n < 9; n += 1) walk.close(code).wake().feed({ kind: 'dialing' });
      walk.close(code);
      assert.deepEqual([walk.machine.state, walk.machine.reason, walk.kinds()], ['quarantined', reason, ['alert']]);
      assert.equal((walk.machine.retryAt ?? 0) - walk.now, 600_000);
      assert.equal(walk.machine.linked, true);
    }
  });

  it('515 again and again is a failure like others', () => {
    const walk = open();
    for (let n = 0; n < 5; n += 1) assert.deepEqual(walk.close(515).kinds(), ['connect']);
    assert.equal(walk.close(515).machine.state, 'waiting');
  });
});

describe('time', () => {
  it('gives up a connection that never says anything', () => {
    const walk = new Walk().feed({ kind: 'start', linked: true, me: ME });
    assert.equal(deadline(walk.machine), null, 'not while it waits for its turn');
    walk.feed({ kind: 'dialing' });
    assert.equal(deadline(walk.machine), 20_000);
    walk.wake();
    assert.deepEqual([walk.machine.state, walk.machine.reason, walk.kinds()], ['waiting', 'no_network', ['disconnect']]);
  });

  it('forgets failures when a connection held for a minute', () => {
    const walk = open().close(428).wake().feed({ kind: 'dialing' }, { kind: 'open', me: ME });
    assert.equal(walk.machine.failures, 1);
    assert.equal(walk.wake().machine.failures, 0);
  });

  it('hears nothing of a socket after it stopped', () => {
    for (const input of [{ kind: 'released' }, { kind: 'unlinked' }, { kind: 'fenced', reason: 'lease_lost' }] as const) {
      const walk = open().feed(input);
      assert.deepEqual(walk.kinds(), ['disconnect']);
      const { state } = walk.machine;
      assert.equal(walk.close(428).machine.state, state);
      assert.equal(deadline(walk.machine), null);
    }
  });

  it('tells of retries once', () => {
    const first = open().close(428).machine;
    const trying = new Walk();
    trying.machine = first;
    trying.now = first.retryAt ?? 0;
    assert.equal(isNews(first, trying.feed({ kind: 'tick' }).machine), false);
    assert.equal(isNews(first, trying.close(428).machine), false);
    assert.equal(isNews(first, trying.close(401).machine), true);
  });
});
