import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMe } from '@/shared/data/me';
import { Notice, Page } from '@/shared/ui/Page';

import { Accounts } from './Accounts';
import { Acting } from './Acting';
import { Businesses } from './Businesses';

const PARTS = ['businesses', 'accounts', 'acting'] as const;

/** The whole installation, for whoever administers it: businesses, accounts, and who acted for whom. */
export function System() {
  const { t } = useTranslation();
  const me = useMe();
  const [part, setPart] = useState<(typeof PARTS)[number]>('businesses');
  if (!me.system_admin) {
    return (
      <Page title={t('nav.system')}>
        <Notice tone="warn">{t('problem.forbidden')}</Notice>
      </Page>
    );
  }
  return (
    <Page title={t('nav.system')}>
      <SegmentedControl value={part} onChange={setPart} data={PARTS.map((value) => ({ value, label: t(`system.${value}`) }))} />
      {part === 'businesses' && <Businesses />}
      {part === 'accounts' && <Accounts />}
      {part === 'acting' && <Acting />}
    </Page>
  );
}
