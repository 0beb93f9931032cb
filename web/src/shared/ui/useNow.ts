import { useSyncExternalStore } from 'react';

const EVERY_MS = 60_000;

function subscribe(changed: () => void) {
  const timer = setInterval(changed, EVERY_MS);
  return () => clearInterval(timer);
}

function minute(): number {
  return Math.floor(Date.now() / EVERY_MS) * EVERY_MS;
}

/** The present minute, in milliseconds since 1970; it goes on while one looks. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, minute, minute);
}
