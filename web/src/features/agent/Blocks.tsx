import { Button, NativeSelect, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useBusinessId, useMay } from '@/shared/data/me';
import { readPhone } from '@/shared/format/phone';
import { Ltr, Own, Phone } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import { Line, Lines } from './Lines';

/** Whom the business does not answer. */
export function Blocks() {
  const { t } = useTranslation();
  const id = useBusinessId();
  const mayManage = useMay()('business:manage');
  const act = useAct();
  const [adding, setAdding] = useState(false);
  const params = { path: { id } };
  const blocks = useQuery({ queryKey: ['block', id], queryFn: () => unwrap(api.GET('/api/businesses/{id}/blocks', { params })) });
  const submit = async (form: FormData) => {
    const kind = (textOf(form, 'kind') ?? 'number') as Schemas['BlockKind'];
    const body = { kind, value: readPhone(textOf(form, 'value') ?? ''), reason: textOf(form, 'reason') };
    await unwrap(api.POST('/api/businesses/{id}/blocks', { params, body }));
    await blocks.refetch();
  };
  const remove = (block_id: string) => void act(['block'], () => unwrap(api.DELETE('/api/businesses/{id}/blocks/{block_id}', { params: { path: { id, block_id } } })));
  return (
    <Section title={t('blocks.title')} actions={mayManage && <Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Answered query={blocks}>
        {() => (
          <>
            {blocks.data?.data.length === 0 && <Text c="dimmed">{t('blocks.none')}</Text>}
            <Lines>
              {blocks.data?.data.map((block) => (
                <Line
                  key={block.id}
                  actions={
                    mayManage && (
                      <Button size="compact-md" variant="default" onClick={() => remove(block.id)}>
                        {t('blocks.lift')}
                      </Button>
                    )
                  }
                >
                  {block.kind === 'number' ? (
                    <Phone number={block.value} />
                  ) : (
                    <>
                      {t('blocks.begins')} <Ltr>{block.value}</Ltr>
                    </>
                  )}
                  {block.reason !== '' && (
                    <Text c="dimmed">
                      <Own>{block.reason}</Own>
                    </Text>
                  )}
                </Line>
              ))}
            </Lines>
          </>
        )}
      </Answered>
      <FormModal title={t('blocks.add')} action={t('blocks.block')} opened={adding} onClose={() => setAdding(false)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <NativeSelect name="kind" label={t('agent.kind')} data={(['number', 'prefix'] as const).map((value) => ({ value, label: t(`blocks.kind.${value}`) }))} />
            <TextInput name="value" type="tel" dir="ltr" label={t('leads.phone')} placeholder="+972" error={fieldError('value')} data-autofocus required />
            <TextInput name="reason" label={t('blocks.reason')} error={fieldError('reason')} maxLength={200} />
          </>
        )}
      </FormModal>
    </Section>
  );
}
