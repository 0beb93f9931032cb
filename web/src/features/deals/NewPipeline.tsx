import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { useToasts } from '@/shared/ui/Toasts';

/** Makes the first pipeline; the server gives it its stages. */
export function NewPipeline() {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  if (!may('business:manage')) return null;
  const make = async () => {
    setBusy(true);
    try {
      await unwrap(api.POST('/api/crm/pipelines', { body: { name: t('deals.firstPipeline') } }));
    } catch (error) {
      toasts.fail(error);
    } finally {
      setBusy(false);
      await client.invalidateQueries({ queryKey: ['pipeline'] });
    }
  };
  return (
    <Button loading={busy} onClick={() => void make()}>
      {t('deals.makePipeline')}
    </Button>
  );
}
