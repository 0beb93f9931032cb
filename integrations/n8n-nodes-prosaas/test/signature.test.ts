import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import { doubt, keyOf, signedOf, TOLERANCE_S } from '../lib/signature';

// The example of the specification's own reference libraries.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const AT = 1_614_265_330;
const BODY = Buffer.from('{"test": 2432232314}');
const SIGNED = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: String(AT), signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' };

test("the specification's example is believed", () => {
  assert.equal(doubt(SECRET, SIGNED, BODY, AT), null);
});

test('nothing else is', () => {
  const changed = [
    [{ ...SIGNED, id: 'msg_other' }, BODY],
    [{ ...SIGNED, timestamp: String(AT + 1) }, BODY],
    [{ ...SIGNED, signature: 'v1,' }, BODY],
    [{ ...SIGNED, signature: SIGNED.signature.replace('v1,', 'v2,') }, BODY],
    [{ ...SIGNED, signature: SIGNED.signature.slice(0, -6) }, BODY],
    [SIGNED, Buffer.from('{"test":2432232314}')],
    [SIGNED, Buffer.alloc(0)],
  ] as const;
  for (const [signed, body] of changed) assert.equal(doubt(SECRET, signed, body, AT), 'signature');
  const other = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  assert.equal(doubt(other, SIGNED, BODY, AT), 'signature');
});

test('while a secret is changed either signature does', () => {
  const signature = `v1,${Buffer.alloc(32).toString('base64')} ${SIGNED.signature}`;
  assert.equal(doubt(SECRET, { ...SIGNED, signature }, BODY, AT), null);
});

test('a copy that comes later is not believed', () => {
  assert.equal(doubt(SECRET, SIGNED, BODY, AT + TOLERANCE_S), null);
  assert.equal(doubt(SECRET, SIGNED, BODY, AT + TOLERANCE_S + 1), 'time');
  assert.equal(doubt(SECRET, SIGNED, BODY, AT - TOLERANCE_S - 1), 'time');
});

test('missing and strange headers are no signature', () => {
  for (const signed of [
    { ...SIGNED, id: '' },
    { ...SIGNED, signature: '' },
    { ...SIGNED, timestamp: '' },
    { ...SIGNED, timestamp: '1e9' },
    { ...SIGNED, timestamp: '-1' },
  ]) {
    assert.equal(doubt(SECRET, signed, BODY, AT), 'headers');
  }
  const read = signedOf({ 'webhook-id': ['a', 'b'], 'webhook-timestamp': '1', other: 'x' });
  assert.deepEqual(read, { id: '', timestamp: '1', signature: '' });
});

test('a secret has a prefix and 24 to 64 bytes', () => {
  assert.equal(keyOf(SECRET)?.length, 24);
  assert.equal(keyOf(` ${SECRET}\n`)?.length, 24);
  for (const bad of ['', 'whsec_', SECRET.slice(6), 'whsec_MfKQ', 'whsec_not base64 at all, though long enough', `whsec_${Buffer.alloc(65).toString('base64')}`]) {
    assert.equal(keyOf(bad), null, bad);
    assert.equal(doubt(bad, SIGNED, BODY, AT), 'secret');
  }
});

test('any body that was signed is believed', () => {
  const key = Buffer.alloc(32, 7);
  const secret = `whsec_${key.toString('base64')}`;
  for (let length = 0; length < 300; length += 7) {
    const body = Buffer.from(Array.from({ length }, (_, index) => (index * 31 + length) % 256));
    const signature = `v1,${createHmac('sha256', key).update(`id_${length}.${AT}.`).update(body).digest('base64')}`;
    assert.equal(doubt(secret, { id: `id_${length}`, timestamp: String(AT), signature }, body, AT), null);
  }
});
