import { Button, NativeSelect, Text, TextInput, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { customFieldsQuery } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import { Row, Rows } from './Row';
import { freshKey } from './key';

type Field = Schemas['CustomField'];

const KINDS = ['text', 'number', 'date', 'choice'] as const;

/** The fields that the business added to its leads. */
export function Fields() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const act = useAct();
  const fields = useQuery(customFieldsQuery);
  const [editing, setEditing] = useState<Field | 'new' | null>(null);
  const [kind, setKind] = useState<Schemas['FieldKind']>('text');
  const known = editing === 'new' || editing === null ? null : editing;
  const open = (field: Field | 'new') => {
    setKind(field === 'new' ? 'text' : field.kind);
    setEditing(field);
  };
  const rows = [...(fields.data ?? [])].sort((a, b) => a.position - b.position);
  const submit = async (form: FormData) => {
    const label = textOf(form, 'label') ?? '';
    const choices = (textOf(form, 'choices') ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== '');
    if (known) {
      const body = { label, ...(known.kind === 'choice' ? { choices } : {}) };
      await unwrap(api.PATCH('/api/crm/custom-fields/{id}', { params: { path: { id: known.id }, header: ifMatch(known.version) }, body }));
    } else {
      const key = freshKey(label, rows.map((row) => row.key));
      await unwrap(api.POST('/api/crm/custom-fields', { body: { key, label, kind, ...(kind === 'choice' ? { choices } : {}) } }));
    }
    await fields.refetch();
  };
  const remove = (field: Field) => void act(['custom_field'], () => unwrap(api.DELETE('/api/crm/custom-fields/{id}', { params: { path: { id: field.id }, header: ifMatch(field.version) } })));
  return (
    <Section title={t('lists.fields')} actions={mayManage && <Button onClick={() => open('new')}>{t('common.add')}</Button>}>
      <Answered query={fields}>
        {() =>
          rows.length > 0 ? (
            <Rows label={t('lists.fields')}>
              {rows.map((field) => (
                <Row key={field.id} name={field.label} chip={<Chip>{t(`lists.fieldKind.${field.kind}`)}</Chip>} {...(mayManage ? { onEdit: () => open(field), onRemove: () => remove(field) } : {})}>
                  <Own>{field.label}</Own>
                </Row>
              ))}
            </Rows>
          ) : (
            <Text c="dimmed">{t('lists.noFields')}</Text>
          )
        }
      </Answered>
      <FormModal title={t(known ? 'lists.editField' : 'lists.newField')} opened={editing !== null} onClose={() => setEditing(null)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <TextInput name="label" label={t('auth.name')} defaultValue={known?.label ?? ''} error={fieldError('label') ?? fieldError('key')} maxLength={200} data-autofocus required />
            {known === null && (
              <NativeSelect
                label={t('agent.kind')}
                value={kind}
                onChange={(event) => setKind(event.currentTarget.value as Schemas['FieldKind'])}
                data={KINDS.map((value) => ({ value, label: t(`lists.fieldKind.${value}`) }))}
              />
            )}
            {kind === 'choice' && (
              <Textarea name="choices" label={t('lists.choices')} description={t('lists.choicesHint')} defaultValue={known?.choices.join('\n') ?? ''} error={fieldError('choices')} rows={4} required />
            )}
          </>
        )}
      </FormModal>
    </Section>
  );
}
