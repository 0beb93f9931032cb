// Strict reading of JSON from outside: each function names the field it refuses.

import { Problem } from '../problem.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export function object(value: Json | undefined, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Problem('invalid', `${field} must be an object`);
  return value as JsonObject;
}

/** A text with at least one character and at most `max`. */
export function text(value: Json | undefined, field: string, max: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > max) {
    throw new Problem('invalid', `${field} must be a text of 1 to ${max} characters`);
  }
  return value;
}

export function optionalText(value: Json | undefined, field: string, max: number): string | null {
  return value === undefined || value === null || value === '' ? null : text(value, field, max);
}

export function bool(value: Json | undefined, field: string): boolean {
  if (typeof value !== 'boolean') throw new Problem('invalid', `${field} must be true or false`);
  return value;
}

export function number(value: Json | undefined, field: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    throw new Problem('invalid', `${field} must be a number from ${min} to ${max}`);
  }
  return value;
}

export function integer(value: Json | undefined, field: string, min: number, max: number): number {
  const found = number(value, field, min, max);
  if (!Number.isInteger(found)) throw new Problem('invalid', `${field} must be a whole number`);
  return found;
}

export function oneOf<T extends string>(value: Json | undefined, field: string, options: readonly T[]): T {
  const found = options.find((option) => option === value);
  if (found === undefined) throw new Problem('invalid', `${field} must be one of ${options.join(', ')}`);
  return found;
}

/** A body as an object; an empty one is an empty object. */
export function parseBody(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {};
  let value: Json;
  try {
    value = JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    throw new Problem('invalid', 'the body must be JSON');
  }
  return object(value, 'the body');
}
