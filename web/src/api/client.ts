import createClient, { type Middleware } from 'openapi-fetch';

import { takeEarly } from './early';
import { ApiError, offline, readProblem } from './problem';
import type { components, paths } from './schema';

/** The types of the API's document, by name. */
export type Schemas = components['schemas'];

const guard: Middleware = {
  onRequest({ request, schemaPath }) {
    // The server takes requests that change something from pages of its own alone, and knows them by this.
    request.headers.set('x-prosaas-request', '1');
    request.headers.set('accept-language', document.documentElement.lang);
    if (request.method === 'POST' && keyed(schemaPath)) {
      // A request that is sent twice is done once.
      request.headers.set('idempotency-key', crypto.randomUUID());
    }
    return request;
  },
};

/** Where a file is handed in as it is. */
const UPLOADS = ['/api/crm/leads/imports', '/api/conversations/{id}/files'];

/** Whether a path takes `Idempotency-Key`: uploads do not, and nobody is signed in yet on the public ones. */
function keyed(path: string): boolean {
  const isPublic = /^\/api\/auth\/(login|first-admin|invitation|password-reset)/.test(path);
  return !isPublic && !UPLOADS.includes(path);
}

/** The API, typed by its document. Only relative addresses. */
export const api = createClient<paths>({ baseUrl: '/', fetch: (request) => takeEarly(request) ?? fetch(request) });
api.use(guard);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the API answered, or an `ApiError` that can be shown. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  return (await withResponse(asked)).data;
}

/** As `unwrap`, with the response's headers. */
export async function withResponse<T>(asked: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch {
    throw offline();
  }
  if (!answer.response.ok) {
    throw new ApiError(readProblem(answer.error, answer.response.status));
  }
  return { data: answer.data as T, response: answer.response };
}

/** The header that says which version a change is meant for. */
export function ifMatch(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` };
}
