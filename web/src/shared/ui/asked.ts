/** What was asked of the server, as far as a screen has to know. */
export interface Asked {
  isPending: boolean;
  error: Error | null;
  refetch: () => unknown;
  /** The last answer, if there was one. */
  data?: unknown;
}

/**
 * Several questions as one: answered when all are, failed when one has; to try again asks those that failed. Only
 * then is "nothing" the answer to all of them.
 */
export function together(...queries: readonly Asked[]): Asked {
  const failed = queries.filter(({ error }) => error !== null);
  return {
    isPending: queries.some(({ isPending }) => isPending),
    error: failed[0]?.error ?? null,
    refetch: () => failed.map(({ refetch }) => refetch()),
    data: queries.every(({ data }) => data !== undefined) ? queries : undefined,
  };
}
