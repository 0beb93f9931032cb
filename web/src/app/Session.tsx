import { Loader } from '@mantine/core';
import type { QueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useLayoutEffect, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

import { meQuery } from '@/shared/data/me';
import { guardReturn, identityOf, listen, watchLeaving, whereTo } from '@/shared/data/session';

import classes from './Failed.module.css';

/** Shows the console for as long as whoever it belongs to is signed in. After that nothing of it stays, not even in memory. */
export function Session({ client, children }: { client: QueryClient; children: ReactNode }) {
  const path = useSyncExternalStore(watchLeaving, whereTo);
  useEffect(() => {
    const known = () => {
      const me = client.getQueryData(meQuery.queryKey);
      return me ? identityOf(me) : null;
    };
    const ends = [listen(known), guardReturn(known)];
    return () => ends.forEach((end) => end());
  }, [client]);
  // The screens are gone by now, and their streams with them: nobody asks again for what is forgotten here.
  useLayoutEffect(() => {
    if (path === null) return;
    client.clear();
    document.title = 'ProSaaS';
    location.replace(path);
  }, [client, path]);
  return path === null ? children : <Leaving />;
}

function Leaving() {
  const { t } = useTranslation();
  return (
    <main className={classes.middle} role="status" aria-label={t('common.loading')} data-testid="leaving">
      <Loader size="sm" color="var(--accent)" />
    </main>
  );
}
