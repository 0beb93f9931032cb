import { Button, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useBusinessId, useMay } from '@/shared/data/me';
import { Own, Phone } from '@/shared/ui/Bidi';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

import { Line, Lines } from './Lines';
import { readTarget } from './target';

/** Whom the agent may connect callers to. */
export function Transfers() {
  const { t } = useTranslation();
  const id = useBusinessId();
  const mayWrite = useMay()('business:write');
  const client = useQueryClient();
  const toasts = useToasts();
  const [adding, setAdding] = useState(false);
  const params = { path: { id } };
  const key = ['business', id, 'transfer'];
  const list = useQuery({ queryKey: key, queryFn: () => unwrap(api.GET('/api/businesses/{id}/transfer-targets', { params })) });
  const targets = list.data?.data ?? [];
  const replace = async (changed: Schemas['Transfer'][]) => {
    const saved = await unwrap(api.PUT('/api/businesses/{id}/transfer-targets', { params, body: { targets: changed } }));
    client.setQueryData(key, saved);
  };
  const add = (form: FormData) => replace([...targets, readTarget(form)]);
  return (
    <Section title={t('agent.transfers')} actions={mayWrite && <Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Answered query={list}>
        {() => (
          <>
            {targets.length === 0 && <Text c="dimmed">{t('agent.noTransfers')}</Text>}
            <Lines>
              {targets.map((target) => (
                <Line
                  key={`${target.label} ${target.number}`}
                  actions={
                    mayWrite && (
                      <Button size="compact-md" variant="subtle" color="red" onClick={() => void replace(targets.filter((one) => one !== target)).catch(toasts.fail)}>
                        {t('common.remove')}
                      </Button>
                    )
                  }
                >
                  <div>
                    <Own>{target.label}</Own>
                  </div>
                  <Text c="dimmed">
                    <Phone number={target.number} />
                  </Text>
                </Line>
              ))}
            </Lines>
          </>
        )}
      </Answered>
      <FormModal title={t('agent.newTransfer')} opened={adding} onClose={() => setAdding(false)} onSubmit={add}>
        {(fieldError) => (
          <>
            <TextInput name="label" label={t('agent.transferLabel')} error={fieldError('label')} maxLength={100} data-autofocus required />
            <TextInput name="number" type="tel" dir="ltr" label={t('leads.phone')} placeholder="050-123-4567" error={fieldError('number') && t('full.phoneWrong')} required />
          </>
        )}
      </FormModal>
    </Section>
  );
}
