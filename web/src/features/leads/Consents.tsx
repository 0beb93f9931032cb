import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { longTime } from '@/shared/format/when';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';

import { latestConsents } from './consents';

const CHANNELS = ['phone', 'sms', 'whatsapp', 'email'] as const;
const PURPOSES = ['service', 'marketing', 'recording'] as const;

/** What a lead agreed to and took back: the newest word on each channel and purpose counts. */
export function Consents({ leadId }: { leadId: string }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const ledger = useQuery({ queryKey: ['consent', leadId], queryFn: () => unwrap(api.GET('/api/crm/consents', { params: { query: { lead_id: leadId, limit: 200 } } })) });
  const submit = async (form: FormData) => {
    const body: Schemas['NewConsent'] = {
      lead_id: leadId,
      channel: (textOf(form, 'channel') ?? 'phone') as Schemas['ConsentChannel'],
      purpose: (textOf(form, 'purpose') ?? 'service') as Schemas['ConsentPurpose'],
      given: textOf(form, 'given') === 'yes',
      source: 'console',
      evidence: textOf(form, 'evidence'),
    };
    await unwrap(api.POST('/api/crm/consents', { body }));
    await Promise.all(['consent', 'timeline'].map((key) => client.invalidateQueries({ queryKey: [key] })));
  };
  return (
    <Section
      title={t('consents.title')}
      actions={
        may('leads:write') && (
          <Button size="compact-md" variant="default" onClick={() => setAdding(true)}>
            {t('common.add')}
          </Button>
        )
      }
    >
      <Answered query={ledger}>
        {() => {
          const latest = latestConsents(ledger.data?.data ?? []);
          if (latest.length === 0) return <Text c="dimmed">{t('consents.none')}</Text>;
          return latest.map((consent) => (
            <Group key={consent.id} justify="space-between" gap="xs">
              <span>
                {t(`consents.purpose.${consent.purpose}`)} · {t(`consents.channel.${consent.channel}`)}
              </span>
              <Chip tone={consent.given ? 'good' : 'bad'}>
                {t(consent.given ? 'consents.given' : 'consents.withdrawn')} · {longTime(consent.created_at, i18n.language)}
              </Chip>
            </Group>
          ));
        }}
      </Answered>
      <FormModal title={t('consents.title')} opened={adding} onClose={() => setAdding(false)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <NativeSelect name="purpose" label={t('consents.for')} data={PURPOSES.map((value) => ({ value, label: t(`consents.purpose.${value}`) }))} />
            <NativeSelect name="channel" label={t('consents.by')} data={CHANNELS.map((value) => ({ value, label: t(`consents.channel.${value}`) }))} />
            <NativeSelect
              name="given"
              label={t('tasks.status')}
              data={[
                { value: 'yes', label: t('consents.given') },
                { value: 'no', label: t('consents.withdrawn') },
              ]}
            />
            <TextInput name="evidence" label={t('consents.evidence')} description={t('consents.evidenceHint')} error={fieldError('evidence')} />
          </>
        )}
      </FormModal>
    </Section>
  );
}
