import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

/** One page of a list of the API. */
export interface PageOf<T> {
  data: T[];
  page: { next?: string | null; has_more: boolean };
}

/** What the query cache holds of a list. */
export type Listed<T> = InfiniteData<PageOf<T>>;

/** A list of the API, page by page, and its rows so far. */
export function usePages<T>(key: readonly unknown[], fetchPage: (cursor: string | undefined) => Promise<PageOf<T>>, enabled = true) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.page.next ?? undefined,
    enabled,
  });
  const rows = useMemo(() => rowsOf(query.data), [query.data]);
  return { ...query, rows };
}

/** The rows of a list's pages. One that moved while paging is there once. */
export function rowsOf<T>(listed: Listed<T> | undefined): T[] {
  const rows = listed?.pages.flatMap((page) => page.data) ?? [];
  const seen = new Set<unknown>();
  return rows.filter((row) => {
    const id = (row as { id?: unknown }).id;
    if (id === undefined) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** A list without one of its rows. */
export function without<T extends { id: string }>(listed: Listed<T> | undefined, id: string): Listed<T> | undefined {
  if (!listed) return listed;
  const pages = listed.pages.map((page) => ({ ...page, data: page.data.filter((row) => row.id !== id) }));
  return { ...listed, pages };
}

/** A list with one of its rows changed. */
export function changed<T extends { id: string }>(listed: Listed<T> | undefined, id: string, change: (row: T) => T): Listed<T> | undefined {
  if (!listed) return listed;
  const pages = listed.pages.map((page) => ({ ...page, data: page.data.map((row) => (row.id === id ? change(row) : row)) }));
  return { ...listed, pages };
}
