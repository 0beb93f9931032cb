import type { components } from './schema';

/** What the API says when it refuses or fails (RFC 9457). */
export type Problem = components['schemas']['Problem'];

/** A request that did not succeed. `code` is the stable word to branch on. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code);
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }
}

/** The request reached no server. */
export function offline(): ApiError {
  return new ApiError({ code: 'offline', status: 0, title: 'Offline', type: 'about:blank' });
}

/** Reads an error's body; one that is none becomes a problem by its status alone. */
export function readProblem(body: unknown, status: number): Problem {
  const known = typeof body === 'object' && body !== null && 'code' in body;
  if (known && typeof body.code === 'string') {
    return body as Problem;
  }
  return { code: `status-${status}`, status, title: '', type: 'about:blank' };
}

/** Whether nobody is signed in any more. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** The fields of a form that the API refused, by the last part of their pointer. */
export function refusedFields(error: unknown): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  const fields = (error.problem.errors ?? []).map(({ pointer, detail }) => [pointer.split('/').pop() ?? '', detail]);
  return Object.fromEntries(fields) as Record<string, string>;
}
