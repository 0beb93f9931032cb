import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { useToasts } from '@/shared/ui/Toasts';

/** The stages a pipeline begins with; they can be renamed over the API. */
const STAGES = [
  { name: 'new', kind: 'open' },
  { name: 'qualified', kind: 'open' },
  { name: 'won', kind: 'won' },
  { name: 'lost', kind: 'lost' },
] as const;

/** Makes the first pipeline. */
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
      const { id } = await unwrap(api.POST('/api/crm/pipelines', { body: { name: t('deals.firstPipeline') } }));
      for (const [position, stage] of STAGES.entries()) {
        await unwrap(api.POST('/api/crm/pipelines/{id}/stages', { params: { path: { id } }, body: { ...stage, position } }));
      }
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
