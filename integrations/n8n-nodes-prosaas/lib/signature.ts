// Signatures of Standard Webhooks: HMAC-SHA256 over id, time and the body as it came.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a delivery may be from ours, seconds: an older one may be somebody's copy. */
export const TOLERANCE_S = 300;

const PREFIX = 'whsec_';

/** What the three headers say; a missing one is an empty text. */
export interface Signed {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

/** Why a delivery is not believed, or `null` when it is. */
export type Doubt = 'secret' | 'headers' | 'time' | 'signature' | null;

/** The key in a secret as it was shown, `whsec_` and base64; `null` when it is none of 24 to 64 bytes. */
export function keyOf(secret: string): Buffer | null {
  const text = secret.trim();
  if (!text.startsWith(PREFIX)) return null;
  const encoded = text.slice(PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : null;
}

/** Reads the headers of a request, whose names are in lower case. */
export function signedOf(headers: Readonly<Record<string, string | string[] | undefined>>): Signed {
  const one = (name: string): string => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  return { id: one('webhook-id'), timestamp: one('webhook-timestamp'), signature: one('webhook-signature') };
}

/** Compares what was signed with the body, byte by byte as it came. `nowS` is our time in seconds. */
export function doubt(secret: string, signed: Signed, body: Buffer, nowS: number): Doubt {
  const key = keyOf(secret);
  if (key === null) return 'secret';
  const { id, timestamp, signature } = signed;
  if (id === '' || signature === '' || !/^[0-9]{1,12}$/.test(timestamp)) return 'headers';
  if (Math.abs(nowS - Number(timestamp)) > TOLERANCE_S) return 'time';
  const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is changed there is one signature a secret.
  const isGood = signature.split(' ').some((part) => {
    const [version, encoded] = part.split(',');
    if (version !== 'v1' || encoded === undefined) return false;
    const given = Buffer.from(encoded, 'base64');
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return isGood ? null : 'signature';
}
