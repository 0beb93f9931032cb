// The signature of PROTOCOL.md, pure: the clock is a parameter.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** How far a request's time may be from ours, milliseconds. */
export const WINDOW_MS = 60_000;
/** Nonces that are remembered at most; more requests than that in the window are refused. */
export const MAX_NONCES = 200_000;

export const TIME_HEADER = 'x-prosaas-time';
export const NONCE_HEADER = 'x-prosaas-nonce';
export const SIGNATURE_HEADER = 'x-prosaas-signature';

/** The parts of a request that are signed. */
export interface Signed {
  readonly method: string;
  /** Path and query exactly as in the request line. */
  readonly path: string;
  /** Milliseconds since 1970 as sent. */
  readonly time: string;
  readonly nonce: string;
  readonly body: Uint8Array;
}

/** The signature of a request, 64 lower-case hexadecimal digits. */
export function sign(secret: Uint8Array, parts: Signed): string {
  const body = createHash('sha256').update(parts.body).digest('hex');
  const text = ['PROSAAS-HMAC-SHA256', parts.method.toUpperCase(), parts.path, parts.time, parts.nonce, body].join('\n');
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/** Why a request is not let in. `full` is our own limit, the others are the caller's fault. */
export type Refusal = 'headers' | 'time' | 'signature' | 'replay' | 'full';

/** What came with a request. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly time: string | undefined;
  readonly nonce: string | undefined;
  readonly signature: string | undefined;
  readonly body: Uint8Array;
}

/** Checks requests and remembers their nonces for as long as their time would pass. */
export class Verifier {
  readonly #secret: Uint8Array;
  readonly #startedAt: number;
  /** Nonce to the moment from which its time no longer passes; in order of arrival. */
  readonly #nonces = new Map<string, number>();

  constructor(secret: Uint8Array, startedAt: number) {
    this.#secret = secret;
    this.#startedAt = startedAt;
  }

  /** `null` when the request may pass; its nonce is then used up. */
  check(request: Received, now: number): Refusal | null {
    const { time, nonce, signature } = request;
    if (time === undefined || nonce === undefined || signature === undefined) return 'headers';
    if (!/^\d{13}$/.test(time) || !/^[0-9a-f]{32}$/.test(nonce) || !/^[0-9a-f]{64}$/.test(signature)) return 'headers';
    const right = sign(this.#secret, { method: request.method, path: request.path, time, nonce, body: request.body });
    if (!timingSafeEqual(Buffer.from(right, 'hex'), Buffer.from(signature, 'hex'))) return 'signature';
    const at = Number(time);
    // Nonces of a former life of this process are forgotten, so its requests are too.
    if (Math.abs(now - at) > WINDOW_MS || at < this.#startedAt) return 'time';
    this.#forget(now);
    if (this.#nonces.has(nonce)) return 'replay';
    if (this.#nonces.size >= MAX_NONCES) return 'full';
    this.#nonces.set(nonce, at + WINDOW_MS);
    return null;
  }

  get remembered(): number {
    return this.#nonces.size;
  }

  #forget(now: number): void {
    // Arrival order is nearly the order of expiry: what is left behind goes with a later call.
    for (const [nonce, until] of this.#nonces) {
      if (until >= now) break;
      this.#nonces.delete(nonce);
    }
  }
}
