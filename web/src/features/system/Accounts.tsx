import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { accountName } from '@/shared/data/lists';
import { useMe } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { Ltr, Own } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';
import { useAct } from '@/shared/ui/useAct';

import { type Rare, RowMenu } from './RowMenu';
import classes from './System.module.css';

type Account = Schemas['Account'];

/** Every account of the installation. */
export function Accounts() {
  const { t } = useTranslation();
  const me = useMe();
  const act = useAct();
  const [adding, setAdding] = useState(false);
  const accounts = usePages<Account>(['account'], (cursor) => unwrap(api.GET('/api/system/users', { params: { query: { cursor, limit: 50 } } })));
  const change = (account: Account, action: Schemas['AccountAction']) =>
    void act(['account'], () => unwrap(api.POST('/api/system/users/{id}/change', { params: { path: { id: account.id } }, body: { action } })));
  const add = async (form: FormData) => {
    await unwrap(api.POST('/api/system/users', { body: { email: textOf(form, 'email') ?? '', name: textOf(form, 'name') ?? '' } }));
    await accounts.refetch();
  };
  const rare = (account: Account): Rare[] => {
    const actions: Schemas['AccountAction'][] = [account.system_admin ? 'drop_admin' : 'grant_admin', 'remove'];
    if (account.status === 'active') actions.unshift('suspend');
    if (account.status === 'suspended') actions.unshift('activate');
    return actions.map((action) => ({ text: t(`system.do.${action}`), isDanger: action === 'remove', act: () => change(account, action) }));
  };
  return (
    <Section title={t('system.accounts')} actions={<Button onClick={() => setAdding(true)}>{t('system.addAdmin')}</Button>}>
      <Answered query={accounts}>
        {() => (
          <Records
            label={t('system.accounts')}
            rows={accounts.rows}
            idOf={(account) => account.id}
            mark={(account) => ({ 'data-testid': 'account-row', 'data-user-id': account.id })}
            columns={[
              { key: 'name', title: t('auth.name'), cell: (account) => <span className={classes.name}><Own>{accountName(account)}</Own></span> },
              { key: 'email', title: t('auth.email'), cell: (account) => <Ltr>{account.email}</Ltr>, isLong: true },
              { key: 'state', title: t('tasks.status'), cell: (account) => <Chip tone={account.status === 'active' ? 'good' : 'warn'}>{t(`users.status.${account.status}`)}</Chip> },
              { key: 'admin', title: t('system.admin'), cell: (account) => t(account.system_admin ? 'common.yes' : 'common.no') },
              { key: 'factor', title: t('profile.secondFactor'), cell: (account) => t(account.has_second_factor ? 'profile.factor.on' : 'profile.factor.off') },
            ]}
            actions={(account) =>
              // The server refuses these to oneself: they are not offered.
              account.id === me.id ? t('users.why.self') : <RowMenu name={accountName(account)} items={rare(account)} />
            }
          />
        )}
      </Answered>
      <MoreRows query={accounts} />
      <FormModal title={t('system.addAdmin')} action={t('users.sendInvitation')} opened={adding} onClose={() => setAdding(false)} onSubmit={add}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('auth.name')} error={fieldError('name')} maxLength={200} data-autofocus required />
            <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} error={fieldError('email')} required />
          </>
        )}
      </FormModal>
    </Section>
  );
}
