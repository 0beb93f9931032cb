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

interface Read {
  pages: readonly object[];
  rows: unknown[];
  ids: Set<unknown>;
}

/** What was read of lists, by their last page: a page that comes costs what it has, not what all before it have. */
const read = new WeakMap<object, Read>();

/** What was read of exactly these pages. */
function readOf(pages: readonly object[]): Read | undefined {
  const last = pages.at(-1);
  const known = last && read.get(last);
  return known?.pages.length === pages.length && known.pages.every((page, index) => page === pages[index]) ? known : undefined;
}

/** The rows of a list's pages. One that moved while paging is there once. */
export function rowsOf<T>(listed: Listed<T> | undefined): T[] {
  const pages = listed?.pages ?? [];
  const last = pages.at(-1);
  if (!last) return [];
  const same = readOf(pages);
  if (same) return same.rows as T[];
  const before = readOf(pages.slice(0, -1));
  // Its ids are taken over, not copied: it is not gone on from twice.
  if (before) read.delete(before.pages.at(-1) ?? {});
  const rows = (before ? [...before.rows] : []) as T[];
  const ids = before?.ids ?? new Set<unknown>();
  for (const row of before ? last.data : pages.flatMap((page) => page.data)) {
    const id = (row as { id?: unknown }).id;
    if (id !== undefined && ids.has(id)) continue;
    ids.add(id);
    rows.push(row);
  }
  read.set(last, { pages, rows, ids });
  return rows;
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
