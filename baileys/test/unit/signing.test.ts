import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { sign, Verifier, WINDOW_MS, type Received } from '../../src/signing.js';

const SECRET = Buffer.from('test-secret-that-is-32-bytes-long');
const T0 = 1_700_000_000_000;
const BODY = Buffer.from('{"message_id":"msg_01","chat":"888000222@lid","content":{"type":"text","text":"Schöne Grüße"}}');
const NONCE = '00112233445566778899aabbccddeeff';

function request(time: number, nonce = NONCE, change: Partial<Received> = {}): Received {
  const parts = { method: 'POST', path: '/v1/sessions/biz_7/messages', time: String(time), nonce, body: BODY };
  return { ...parts, signature: sign(SECRET, parts), ...change };
}

describe('the signature', () => {
  it('is that of the vectors, which PROTOCOL.md shows', () => {
    const first = sign(SECRET, { method: 'post', path: '/v1/sessions/biz_7/messages', time: String(T0), nonce: NONCE, body: BODY });
    const second = sign(SECRET, {
      method: 'GET',
      path: '/v1/sessions/biz_7/media/3EB0AA?chat=888000222%40lid',
      time: '1700000000001',
      nonce: 'ffeeddccbbaa99887766554433221100',
      body: Buffer.alloc(0),
    });
    assert.equal(first, 'ced6690f013017e861e332490b5a1d5e701799f27f563858c7cdec9c7e96c45c');
    assert.equal(second, 'ff7de6e1e3822b5d9e80579aacd8e06d044b3eb11c1713104fe99a1315a367cf');
    const document = readFileSync('PROTOCOL.md', 'utf8');
    assert.ok(document.includes(first) && document.includes(second));
  });

  it('lets a request in once', () => {
    const verifier = new Verifier(SECRET, T0);
    assert.equal(verifier.check(request(T0), T0), null);
    assert.equal(verifier.check(request(T0), T0 + 1), 'replay');
    assert.equal(verifier.check(request(T0), T0 + WINDOW_MS), 'replay');
    assert.equal(verifier.check(request(T0), T0 + WINDOW_MS + 1), 'time');
  });

  it('refuses what is changed, missing, malformed, too old or from the future', () => {
    const verifier = new Verifier(SECRET, T0 - 10 * WINDOW_MS);
    const refused: [Received, string][] = [
      [request(T0, NONCE, { body: Buffer.from('{}') }), 'signature'],
      [request(T0, NONCE, { path: '/v1/sessions/biz_8/messages' }), 'signature'],
      [request(T0, NONCE, { method: 'PUT' }), 'signature'],
      [request(T0, NONCE, { signature: 'f'.repeat(64) }), 'signature'],
      [request(T0, NONCE, { signature: 'f'.repeat(63) }), 'headers'],
      [request(T0, NONCE, { signature: undefined }), 'headers'],
      [request(T0, NONCE, { nonce: undefined }), 'headers'],
      [request(T0, 'A'.repeat(32)), 'headers'],
      [request(T0 - WINDOW_MS - 1), 'time'],
      [request(T0 + WINDOW_MS + 1), 'time'],
    ];
    for (const [received, why] of refused) assert.equal(verifier.check(received, T0), why);
    assert.equal(verifier.remembered, 0);
  });

  it('refuses requests of its former life, whose nonces it does not know', () => {
    assert.equal(new Verifier(SECRET, T0).check(request(T0 - 1), T0 + 5), 'time');
  });

  it('forgets nonces when their time is over', () => {
    const verifier = new Verifier(SECRET, T0);
    for (let n = 0; n < 100; n += 1) assert.equal(verifier.check(request(T0, n.toString(16).padStart(32, '0')), T0), null);
    assert.equal(verifier.remembered, 100);
    const later = T0 + 2 * WINDOW_MS;
    assert.equal(verifier.check(request(later, 'e'.repeat(32)), later), null);
    assert.equal(verifier.remembered, 1);
  });
});
