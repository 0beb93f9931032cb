import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import type { Schemas } from '@/api/client';

/** How often an event may have a list read again: a busy minute is not a storm of requests. */
const GATHER_MS = 150;
const RETRY_MS = 3_000;

/** The first parts of the query keys that an event makes stale. */
export function staleBy(event: Pick<Schemas['EventData'], 'entity'>): string[] {
  switch (event.entity) {
    case 'lead':
    case 'identity':
    case 'merge':
    case 'bulk':
    case 'import':
      return ['lead', 'timeline'];
    case 'note':
    case 'consent':
    case 'timeline':
      return ['note', 'timeline'];
    case 'call':
    case 'recording':
      return ['call', 'timeline'];
    case 'user':
    case 'member':
    case 'membership':
      return ['member', 'me'];
    default:
      return [event.entity, 'timeline'];
  }
}

/** Reads what happens in the business as it happens, and has what it is about read again. */
export function useLiveUpdates(enabled: boolean): { connected: boolean } {
  const client = useQueryClient();
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    if (!enabled) return undefined;
    let source: EventSource | null = null;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let gather: ReturnType<typeof setTimeout> | undefined;
    const stale = new Set<string>();
    const flush = () => {
      gather = undefined;
      for (const key of stale) void client.invalidateQueries({ queryKey: [key] });
      stale.clear();
    };
    const hear = (event: MessageEvent<string>) => {
      const about = JSON.parse(event.data) as Schemas['EventData'];
      for (const key of staleBy(about)) stale.add(key);
      gather ??= setTimeout(flush, GATHER_MS);
    };
    const connect = () => {
      source = new EventSource('/api/events');
      source.onopen = () => setConnected(true);
      source.onmessage = hear;
      source.addEventListener('reset', () => void client.invalidateQueries());
      source.addEventListener('end', () => {
        source?.close();
        void client.invalidateQueries({ queryKey: ['me'] });
      });
      source.onerror = () => {
        setConnected(navigator.onLine);
        // A refused stream is closed for good by the browser: try again ourselves.
        if (source?.readyState === EventSource.CLOSED) {
          retry = setTimeout(connect, RETRY_MS);
        }
      };
    };
    connect();
    return () => {
      source?.close();
      clearTimeout(retry);
      clearTimeout(gather);
    };
  }, [client, enabled]);
  return { connected };
}
