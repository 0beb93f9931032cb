import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { accountName, membersQuery } from '@/shared/data/lists';
import { useMay, useMe } from '@/shared/data/me';
import { Ltr, Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Page } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPlus } from '@/shared/ui/icons';

import { RemoveMember } from './RemoveMember';
import { whyNotRemoved } from './rules';

type Member = Schemas['Member'];

const ROLES = ['viewer', 'agent', 'manager', 'owner'] as const;

/** The people who work in the business. */
export function Users() {
  const { t } = useTranslation();
  const may = useMay();
  const members = useQuery(membersQuery);
  const [inviting, setInviting] = useState(false);
  const rows = members.data ?? [];
  return (
    <Page
      title={t('nav.users')}
      actions={
        may('users:write') && (
          <Button leftSection={<IconPlus />} onClick={() => setInviting(true)}>
            {t('users.invite')}
          </Button>
        )
      }
    >
      <Answered query={members}>
        {() => (
          <Records
            label={t('nav.users')}
            rows={rows}
            idOf={(member) => member.id}
            mark={(member) => ({ 'data-testid': 'user-row', 'data-user-id': member.id })}
            columns={[
              { key: 'name', title: t('auth.name'), cell: (member) => <Own>{accountName(member)}</Own> },
              { key: 'email', title: t('auth.email'), cell: (member) => <Ltr>{member.email}</Ltr>, isLong: true },
              { key: 'role', title: t('users.role'), cell: (member) => <Role member={member} members={rows} /> },
              { key: 'status', title: t('tasks.status'), cell: (member) => <Chip tone={member.status === 'active' ? 'good' : 'warn'}>{t(`users.status.${member.status}`)}</Chip> },
              ...(may('users:write') ? [{ key: 'phone', title: t('users.ownPhone'), cell: (member: Member) => (member.own_phone ? <Phone number={member.own_phone} link /> : '–') }] : []),
              { key: 'factor', title: t('profile.secondFactor'), cell: (member) => t(member.has_second_factor ? 'profile.factor.on' : 'profile.factor.off') },
            ]}
            {...(may('users:write') ? { actions: (member: Member) => <Actions member={member} members={rows} /> } : {})}
          />
        )}
      </Answered>
      <Invite opened={inviting} onClose={() => setInviting(false)} />
    </Page>
  );
}

/** Changes a member and has the list read again. */
function usePatch() {
  const client = useQueryClient();
  const toasts = useToasts();
  return async (member: Member, body: Schemas['MemberPatch']) => {
    try {
      await unwrap(api.PATCH('/api/users/{id}', { params: { path: { id: member.id }, header: ifMatch(member.version) }, body }));
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['member'] });
    }
  };
}

function Role({ member, members }: { member: Member; members: readonly Member[] }) {
  const { t } = useTranslation();
  const may = useMay();
  const me = useMe();
  const patch = usePatch();
  if (!may('users:write') || whyNotRemoved(member, members, me.id) !== null) return t(`users.roles.${member.role}`);
  return (
    <NativeSelect
      aria-label={t('users.roleOf', { name: accountName(member) })}
      value={member.role}
      onChange={(event) => void patch(member, { role: event.currentTarget.value as Schemas['Role'] })}
      data={ROLES.map((value) => ({ value, label: t(`users.roles.${value}`) }))}
    />
  );
}

function Actions({ member, members }: { member: Member; members: readonly Member[] }) {
  const { t } = useTranslation();
  const me = useMe();
  const patch = usePatch();
  const reason = whyNotRemoved(member, members, me.id);
  if (reason !== null) {
    return (
      <Text size="sm" c="dimmed" data-testid="user-delete-reason" data-user-id={member.id}>
        {t(`users.why.${reason}`)}
      </Text>
    );
  }
  return (
    <Group gap="xs" wrap="nowrap">
      {member.status === 'active' && (
        <Button size="compact-md" variant="default" onClick={() => void patch(member, { status: 'suspended' })}>
          {t('users.suspend')}
        </Button>
      )}
      {member.status === 'suspended' && (
        <Button size="compact-md" variant="default" onClick={() => void patch(member, { status: 'active' })}>
          {t('users.activate')}
        </Button>
      )}
      <RemoveMember member={member} members={members} />
    </Group>
  );
}

function Invite({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const submit = async (form: FormData) => {
    const email = textOf(form, 'email') ?? '';
    const body = { email, name: textOf(form, 'name') ?? '', role: (textOf(form, 'role') ?? 'agent') as Schemas['Role'], language: textOf(form, 'language') ?? 'he' };
    await unwrap(api.POST('/api/users', { body }));
    toasts.show({ text: t('users.invited') });
    await client.invalidateQueries({ queryKey: ['member'] });
  };
  return (
    <FormModal title={t('users.inviteTitle')} action={t('users.sendInvitation')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="name" label={t('auth.name')} error={fieldError('name')} maxLength={200} data-autofocus required />
          <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} error={fieldError('email')} required />
          <NativeSelect name="role" label={t('users.role')} defaultValue="agent" data={ROLES.map((value) => ({ value, label: t(`users.roles.${value}`) }))} />
          <NativeSelect
            name="language"
            label={t('profile.language')}
            data={[
              { value: 'he', label: 'עברית' },
              { value: 'en', label: 'English' },
            ]}
          />
        </>
      )}
    </FormModal>
  );
}
