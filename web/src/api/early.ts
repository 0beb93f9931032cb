/** A question that `boot.js` asked before this script was there. */
interface Asked {
  answer: Promise<Response>;
  /** When the answer came, in milliseconds since the page was asked for; nothing as long as it is on its way. */
  at: number | null;
}

declare global {
  var prosaasEarly: Map<string, Asked> | undefined;
}

/** For how long an answer that nobody took is still one, in milliseconds. */
const FRESH_MS = 5_000;

/**
 * The answer to a request that was asked for early, once; nothing where it was not. Whatever changes something ends
 * all of them: above all, who is signed in may be somebody else after it.
 */
export function takeEarly(request: Request): Promise<Response> | undefined {
  const early = globalThis.prosaasEarly;
  if (!early?.size) return undefined;
  if (request.method !== 'GET') {
    early.clear();
    return undefined;
  }
  const { pathname, search } = new URL(request.url);
  const asked = early.get(pathname + search);
  if (!asked) return undefined;
  early.delete(pathname + search);
  if (asked.at !== null && performance.now() - asked.at > FRESH_MS) return undefined;
  return asked.answer.then((response) => {
    if (response.status === 401) early.clear();
    return response;
  });
}
