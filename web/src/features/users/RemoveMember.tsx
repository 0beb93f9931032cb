import { Button, NativeSelect, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { accountName } from '@/shared/data/lists';
import { Own } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { useToasts } from '@/shared/ui/Toasts';

import { heirsOf } from './rules';

/** Removes a member, after asking who takes his records. */
export function RemoveMember({ member, members }: { member: Schemas['Member']; members: readonly Schemas['Member'][] }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const [asking, setAsking] = useState(false);
  const name = accountName(member);
  const mark = { 'data-user-id': member.id };
  const submit = async (form: FormData) => {
    const query = { reassign_to: textOf(form, 'reassign_to') ?? undefined };
    try {
      await unwrap(api.DELETE('/api/users/{id}', { params: { path: { id: member.id }, header: ifMatch(member.version), query } }));
      toasts.show({ text: t('users.removed') });
    } finally {
      await client.invalidateQueries({ queryKey: ['member'] });
    }
  };
  return (
    <>
      <Button size="compact-md" color="red" variant="subtle" aria-label={t('users.deleteOne', { name })} onClick={() => setAsking(true)} data-testid="user-delete" {...mark}>
        {t('common.delete')}
      </Button>
      <FormModal title={t('users.deleteTitle')} action={t('common.delete')} danger opened={asking} onClose={() => setAsking(false)} onSubmit={submit} mark={{ 'data-testid': 'user-delete-confirm', ...mark }}>
        <Text>
          <Own>{name}</Own>
        </Text>
        <Text c="dimmed">{t('users.deleteHint')}</Text>
        <NativeSelect
          name="reassign_to"
          label={t('users.heir')}
          data={[{ value: '', label: t('users.noHeir') }, ...heirsOf(member, members).map((one) => ({ value: one.id, label: accountName(one) }))]}
        />
      </FormModal>
    </>
  );
}
