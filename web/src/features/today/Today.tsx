import { Text } from '@mantine/core';
import { Suspense, lazy } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { dayName } from '@/shared/format/when';
import { Loading, Page } from '@/shared/ui/Page';

import { Rescue } from './Rescue';

/** What stands below who waits: a phone paints the first screenful before it reads this file. */
const DayLists = lazy(() => import('./DayLists').then((file) => ({ default: file.DayLists })));

/** What today asks for: who waits to be called back, calls, promises, tasks, appointments. */
export function Today() {
  const { t, i18n } = useTranslation();
  const may = useMay();
  if (!may('business:read')) return <Page title={t('nav.today')}>{null}</Page>;
  return (
    <Page title={t('nav.today')}>
      <Text c="dimmed">{dayName(new Date(), i18n.language)}</Text>
      {(may('calls:read') || may('conversations:read')) && <Rescue />}
      <Suspense fallback={<Loading />}>
        <DayLists />
      </Suspense>
    </Page>
  );
}
