import { NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { MoneyFields, moneyOf } from '@/shared/ui/MoneyFields';
import { useDealStageName } from '@/shared/ui/stageName';

/** Writes down a deal with a lead. */
export function NewDeal({ pipeline, opened, onClose }: { pipeline: Schemas['Pipeline']; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const stageName = useDealStageName();
  const client = useQueryClient();
  const [lead, setLead] = useState<string | null>(null);
  const submit = async (form: FormData) => {
    const body = { title: textOf(form, 'title') ?? '', lead_id: lead ?? '', stage_id: textOf(form, 'stage_id') ?? '', value: moneyOf(form) };
    await unwrap(api.POST('/api/crm/deals', { body }));
    setLead(null);
    await client.invalidateQueries({ queryKey: ['deal'] });
  };
  return (
    <FormModal title={t('deals.add')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="title" label={t('deals.title')} error={fieldError('title')} maxLength={200} data-autofocus required />
          <LeadPicker name="lead_id" label={t('leads.one')} value={lead} onChange={setLead} required />
          <MoneyFields error={fieldError('amount') ?? fieldError('value')} />
          <NativeSelect name="stage_id" label={t('leads.stage')} data={pipeline.stages.map((stage) => ({ value: stage.id, label: stageName(stage.name) }))} />
        </>
      )}
    </FormModal>
  );
}
