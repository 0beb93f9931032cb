import { TextInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';

/** Writes down a lead by hand. */
export function NewLead({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const submit = async (form: FormData) => {
    const body = { name: textOf(form, 'name'), phone: textOf(form, 'phone'), email: textOf(form, 'email'), notes: textOf(form, 'notes') };
    const lead = await unwrap(api.POST('/api/crm/leads', { body }));
    await client.invalidateQueries({ queryKey: ['lead'] });
    await navigate({ to: '/leads/$id', params: { id: lead.id } });
  };
  return (
    <FormModal title={t('leads.add')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="name" label={t('leads.name')} error={fieldError('name')} maxLength={200} data-autofocus required />
          <TextInput name="phone" type="tel" dir="ltr" label={t('leads.phone')} error={fieldError('phone')} />
          <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} error={fieldError('email')} />
          <Textarea name="notes" label={t('leads.notes')} error={fieldError('notes')} autosize={false} rows={3} />
        </>
      )}
    </FormModal>
  );
}
