import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError, parseConfig } from '../../src/config.js';
import type { Json } from '../../src/http/parse.js';
import { Problem } from '../../src/problem.js';
import { parseOutgoing } from '../../src/whatsapp/outgoing.js';

const GOOD = { INTERNAL_SECRET: 's'.repeat(32), BAILEYS_STORE_KEY: 'ab'.repeat(32) };

describe('the environment', () => {
  it('has defaults, and an alias for the backend', () => {
    const { port, bind, backend, pace } = parseConfig(GOOD);
    assert.deepEqual({ port, bind, backend, pace }, { port: 3300, bind: '127.0.0.1', backend: 'http://backend:5000', pace: 'human' });
    assert.equal(parseConfig({ ...GOOD, BACKEND_BASE_URL: 'http://a:1/' }).backend, 'http://a:1');
    assert.equal(parseConfig({ ...GOOD, BACKEND_BASE_URL: 'http://a:1', FLASK_BASE_URL: 'http://b:2' }).backend, 'http://b:2');
  });

  it('is refused with the name of what is wrong', () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ INTERNAL_SECRET: 'short' }, /INTERNAL_SECRET/],
      [{ BAILEYS_STORE_KEY: '' }, /BAILEYS_STORE_KEY/],
      [{ BAILEYS_PORT: '70000' }, /BAILEYS_PORT/],
      [{ FLASK_BASE_URL: 'backend' }, /FLASK_BASE_URL/],
      [{ WA_VERSION: '2.x' }, /WA_VERSION/],
      [{ WA_PACE: 'fast' }, /WA_PACE/],
      [{ WA_WEB_SOCKET_URL: 'http://x' }, /WA_WEB_SOCKET_URL/],
    ];
    for (const [change, name] of wrong) assert.throws(() => parseConfig({ ...GOOD, ...change }), (error) => error instanceof ConfigError && name.test(error.message));
  });
});

describe('an outgoing content', () => {
  const media = (mime: string, bytes: number): Json => ({ path: '/internal/wa/media/1', mime, bytes });

  it('is taken within its limits', () => {
    assert.deepEqual(parseOutgoing({ type: 'text', text: 'x' }), { type: 'text', text: 'x' });
    assert.equal(parseOutgoing({ type: 'document', media: media('application/pdf', 99_999_999) }).type, 'document');
  });

  it('is refused with a code and a sentence', () => {
    const refused: [Json, string][] = [
      [{ type: 'text', text: '' }, 'invalid'],
      [{ type: 'text', text: 'x'.repeat(4097) }, 'invalid'],
      [{ type: 'poll' }, 'invalid'],
      [null, 'invalid'],
      [{ type: 'document', media: media('application/pdf', 100_000_000) }, 'too_large'],
      [{ type: 'image', media: media('image/jpeg', 5_000_001) }, 'too_large'],
      [{ type: 'image', media: media('image/svg+xml', 1) }, 'unsupported_media'],
      [{ type: 'image', media: { path: '//elsewhere', mime: 'image/png', bytes: 1 } }, 'invalid'],
      [{ type: 'location', latitude: 91, longitude: 0 }, 'invalid'],
      [{ type: 'contact', name: 'A', phone: '+1' }, 'invalid'],
    ];
    for (const [content, code] of refused) assert.throws(() => parseOutgoing(content), (error) => error instanceof Problem && error.code === code);
  });
});
