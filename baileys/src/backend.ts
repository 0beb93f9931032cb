// Signed requests to the backend.

import { randomBytes } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

import { NONCE_HEADER, sign, SIGNATURE_HEADER, TIME_HEADER } from './signing.js';

const TIMEOUT_MS = 30_000;
/** A media may take longer than an answer; the whole of it must come within this. */
const MEDIA_TIMEOUT_MS = 300_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A media that cannot be had: for good, or for now. */
export class MediaError extends Error {
  readonly code: 'too_large' | 'media_unavailable';
  readonly forGood: boolean;

  constructor(code: 'too_large' | 'media_unavailable', message: string, forGood: boolean) {
    super(message);
    this.code = code;
    this.forGood = forGood;
  }
}

export class Backend {
  readonly #base: string;
  readonly #secret: Buffer;
  readonly #now: () => number;

  constructor(base: string, secret: Buffer, now: () => number) {
    this.#base = base;
    this.#secret = secret;
    this.#now = now;
  }

  /** Sends JSON; throws when no answer came. */
  async post(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    const bytes = Buffer.from(JSON.stringify(body));
    const response = await this.#fetch('POST', path, bytes, TIMEOUT_MS, signal);
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  }

  async ping(): Promise<boolean> {
    try {
      const response = await this.#fetch('GET', '/internal/wa/ping', Buffer.alloc(0), 5_000);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** The bytes of a media, cut with an error where there are more than `limit`. */
  async media(path: string, limit: number, tooLarge: string, signal: AbortSignal): Promise<Readable> {
    let response: Response;
    try {
      response = await this.#fetch('GET', path, Buffer.alloc(0), MEDIA_TIMEOUT_MS, signal);
    } catch {
      throw new MediaError('media_unavailable', 'The backend did not hand out the file.', false);
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      const forGood = response.status >= 400 && response.status < 500 && response.status !== 429;
      throw new MediaError('media_unavailable', `The backend answered ${response.status} for the file.`, forGood);
    }
    const source = Readable.fromWeb(response.body as ReadableStream);
    const capped = source.pipe(cap(limit, () => new MediaError('too_large', tooLarge, true)));
    source.once('error', (error) => capped.destroy(error));
    return capped;
  }

  #fetch(method: string, path: string, body: Buffer, timeoutMs: number, signal?: AbortSignal): Promise<Response> {
    const url = new URL(this.#base + path);
    const time = String(this.#now());
    const nonce = randomBytes(16).toString('hex');
    const signature = sign(this.#secret, { method, path: url.pathname + url.search, time, nonce, body });
    const timeout = AbortSignal.timeout(timeoutMs);
    return fetch(url, {
      method,
      headers: { [TIME_HEADER]: time, [NONCE_HEADER]: nonce, [SIGNATURE_HEADER]: signature, ...(body.length > 0 ? { 'content-type': 'application/json' } : {}) },
      ...(body.length > 0 ? { body } : {}),
      // A signed request is for the backend alone.
      redirect: 'error',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    });
  }
}

/** Lets at most `limit` bytes through. */
export function cap(limit: number, error: () => Error): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > limit) done(error());
      else done(null, chunk);
    },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
