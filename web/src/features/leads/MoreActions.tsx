import { ActionIcon, Menu } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { IconMore } from '@/shared/ui/icons';

import { MergeLead } from './MergeLead';

/** What is done to a lead once in a while. */
export function MoreActions({ lead }: { lead: Schemas['LeadWithDetails'] }) {
  const { t } = useTranslation();
  const may = useMay();
  const [merging, setMerging] = useState(false);
  if (!may('leads:manage')) return null;
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon size={44} variant="default" aria-label={t('common.actions')}>
            <IconMore />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setMerging(true)}>{t('merge.title')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <MergeLead lead={lead} opened={merging} onClose={() => setMerging(false)} />
    </>
  );
}
