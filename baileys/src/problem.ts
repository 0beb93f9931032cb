// Refusals of the protocol: a status, a word and a sentence.

const STATUS = {
  invalid: 400,
  unauthorized: 401,
  not_found: 404,
  fenced: 409,
  not_linked: 409,
  stranger: 409,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unsupported_media: 415,
  cold_locked: 423,
  queue_full: 429,
  internal: 500,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof STATUS;

/** Something the caller is told in the words of PROTOCOL.md. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ProblemCode, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  get status(): number {
    return STATUS[this.code];
  }

  body(): object {
    return { code: this.code, message: this.message, ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }) };
  }
}
