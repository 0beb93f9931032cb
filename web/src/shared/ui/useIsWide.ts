import { useSyncExternalStore } from 'react';

function watched(query: MediaQueryList) {
  const subscribe = (changed: () => void) => {
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  };
  return { subscribe, matches: () => query.matches };
}

const wide = watched(matchMedia('(min-width: 48em)'));
const desk = watched(matchMedia('(min-width: 64em)'));

/** Whether there is room for the table of leads: from 768 px on. */
export function useIsWide(): boolean {
  return useSyncExternalStore(wide.subscribe, wide.matches);
}

/** Whether there is room for tables with buttons in their rows: from 1024 px on. */
export function useIsDesk(): boolean {
  return useSyncExternalStore(desk.subscribe, desk.matches);
}
