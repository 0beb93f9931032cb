import { Checkbox, Group, TextInput, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { leadQuery, tagsQuery, useTags } from '@/shared/data/lists';
import { readPhone, showPhone } from '@/shared/format/phone';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Unanswered } from '@/shared/ui/Page';

import { CustomFields, readCustom, useCustomFields } from './CustomFields';

const FIELDS = ['name', 'phone', 'email', 'company', 'intent', 'next_step', 'notes'] as const;

/** Changes what is known of a lead. Only fields that were changed are sent. */
export function EditLead({ lead, opened, onClose }: { lead: Schemas['LeadWithDetails']; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const tags = useTags();
  const askedTags = useQuery(tagsQuery);
  const fields = useCustomFields();
  const submit = async (form: FormData) => {
    const body: Schemas['UpdateLead'] = {};
    for (const field of FIELDS) {
      const typed = textOf(form, field);
      const value = field === 'phone' && typed !== null ? readPhone(typed) : typed;
      if (value !== (lead[field] ?? null)) body[field] = value;
    }
    const custom = readCustom(form, fields, lead.custom);
    if (custom !== null) body.custom = custom as Schemas['UpdateLead']['custom'];
    const chosen = form.getAll('tags').map(String);
    if (tags.length > 0 && [...chosen].sort().join() !== [...lead.tags].sort().join()) body.tags = chosen;
    const params = { path: { id: lead.id }, header: ifMatch(lead.version) };
    const changed = await unwrap(api.PATCH('/api/crm/leads/{id}', { params, body }));
    client.setQueryData(leadQuery(lead.id).queryKey, changed);
    await client.invalidateQueries({ queryKey: ['lead'] });
  };
  return (
    <FormModal title={t('leads.edit')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="name" label={t('leads.name')} defaultValue={lead.name ?? ''} error={fieldError('name')} maxLength={200} data-autofocus />
          <TextInput name="phone" type="tel" dir="ltr" label={t('leads.phone')} defaultValue={lead.phone ? showPhone(lead.phone) : ''} error={fieldError('phone')} />
          <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} defaultValue={lead.email ?? ''} error={fieldError('email')} />
          <TextInput name="company" label={t('leads.company')} defaultValue={lead.company ?? ''} error={fieldError('company')} />
          <TextInput name="intent" label={t('leads.intent')} defaultValue={lead.intent ?? ''} error={fieldError('intent')} />
          <TextInput name="next_step" label={t('leads.nextStep')} defaultValue={lead.next_step ?? ''} error={fieldError('next_step')} />
          <Textarea name="notes" label={t('leads.notes')} defaultValue={lead.notes ?? ''} error={fieldError('notes')} rows={3} />
          <CustomFields lead={lead} fieldError={fieldError} />
          <Unanswered query={askedTags} />
          {tags.length > 0 && (
            <fieldset>
              <legend>{t('lists.tags')}</legend>
              <Group>
                {tags.map((tag) => (
                  <Checkbox key={tag.id} name="tags" value={tag.id} label={tag.name} defaultChecked={lead.tags.includes(tag.id)} />
                ))}
              </Group>
            </fieldset>
          )}
        </>
      )}
    </FormModal>
  );
}
