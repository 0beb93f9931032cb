import { useSyncExternalStore } from 'react';

const query = matchMedia('(min-width: 48em)');

function subscribe(changed: () => void) {
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

/** Whether there is room for tables: from 768 px on. */
export function useIsWide(): boolean {
  return useSyncExternalStore(subscribe, () => query.matches);
}
