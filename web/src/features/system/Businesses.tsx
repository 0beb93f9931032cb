import { Button, NativeSelect, Text, TextInput, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMe } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { announce, identityOf, leave } from '@/shared/data/session';
import { readPhone } from '@/shared/format/phone';
import { dayAndYear } from '@/shared/format/when';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Empty, Notice, Section } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';
import { useAct } from '@/shared/ui/useAct';

import { type Rare, RowMenu } from './RowMenu';
import classes from './System.module.css';

type Business = Schemas['SystemBusiness'];
type Asking = { business: Business; what: 'act' | 'owner' | 'remove' };

const TONES: Record<Schemas['BusinessStatus'], Tone> = { active: 'good', suspended: 'warn', deleted: 'quiet' };
const LANGUAGES = [
  { value: 'he', label: 'עברית' },
  { value: 'en', label: 'English' },
];
/** How long an administrator acts for a business at a time, in minutes. */
const ACT_MINUTES = ['30', '15', '60'];

/** Every business of the installation. */
export function Businesses() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const act = useAct();
  const [adding, setAdding] = useState(false);
  const [asking, setAsking] = useState<Asking | null>(null);
  const businesses = usePages<Business>(['system_business'], (cursor) => unwrap(api.GET('/api/system/businesses', { params: { query: { cursor, limit: 50 } } })));
  const path = ({ id }: Business) => ({ params: { path: { id } } });
  const versioned = ({ id, version }: Business) => ({ params: { path: { id }, header: ifMatch(version) } });
  const suspend = (business: Business, suspended: boolean) => void act(['system_business'], () => unwrap(api.PATCH('/api/system/businesses/{id}', { ...versioned(business), body: { suspended } })));
  const restore = (business: Business) => void act(['system_business'], () => unwrap(api.POST('/api/system/businesses/{id}/restore', { ...path(business), body: { numbers: business.numbers } })));
  const create = async (form: FormData) => {
    const email = textOf(form, 'email');
    const number = textOf(form, 'number');
    const language = textOf(form, 'language') ?? 'he';
    const owner = email === null ? null : { email, name: textOf(form, 'owner') ?? email, language };
    await unwrap(api.POST('/api/system/businesses', { body: { name: textOf(form, 'name') ?? '', language, numbers: number === null ? [] : [readPhone(number)], owner } }));
    await businesses.refetch();
  };
  const submit = async (form: FormData) => {
    if (!asking) return;
    const { business, what } = asking;
    if (what === 'act') {
      await unwrap(api.POST('/api/system/businesses/{id}/act', { ...path(business), body: { reason: textOf(form, 'reason') ?? '', minutes: Number(textOf(form, 'minutes')) } }));
      // Everything on the screen belongs to somebody else, here and in other tabs.
      leave('/');
      announce(identityOf({ id: me.id, working_in: business.id }));
      return;
    } else if (what === 'owner') {
      await unwrap(api.POST('/api/system/businesses/{id}/owners', { ...path(business), body: { email: textOf(form, 'email') ?? '', name: textOf(form, 'owner') ?? '', language: business.language } }));
    } else {
      await unwrap(api.DELETE('/api/system/businesses/{id}', versioned(business)));
    }
    await businesses.refetch();
  };
  const button = (word: string, onClick: () => void) => (
    <Button size="compact-md" variant="default" onClick={onClick}>
      {t(word)}
    </Button>
  );
  const rare = (business: Business): Rare[] => {
    const isActive = business.status === 'active';
    return [
      { text: t('system.inviteOwner'), act: () => setAsking({ business, what: 'owner' }) },
      { text: t(isActive ? 'users.suspend' : 'users.activate'), act: () => suspend(business, isActive) },
      { text: t('common.delete'), isDanger: true, act: () => setAsking({ business, what: 'remove' }) },
    ];
  };
  return (
    <Section title={t('system.businesses')} actions={<Button onClick={() => setAdding(true)}>{t('system.addBusiness')}</Button>}>
      <Answered query={businesses}>
        {() =>
          businesses.rows.length === 0 ? (
            <Empty text={t('system.noBusinesses')} />
          ) : (
            <Records
              label={t('system.businesses')}
              rows={businesses.rows}
              idOf={(business) => business.id}
              mark={(business) => ({ 'data-testid': 'business-row', 'data-business-id': business.id })}
              columns={[
                { key: 'name', title: t('auth.name'), cell: (business) => <span className={classes.name}><Own>{business.name}</Own></span> },
                { key: 'state', title: t('tasks.status'), cell: (business) => <Chip tone={TONES[business.status]}>{t(`system.is.${business.status}`)}</Chip> },
                { key: 'numbers', title: t('connections.numbers'), cell: (business) => business.numbers.map((number) => <div key={number}>{<Phone number={number} />}</div>), isLong: true },
                { key: 'members', title: t('nav.users'), cell: (business) => business.members, atEnd: true },
                { key: 'since', title: t('leads.createdAt'), cell: (business) => <span className={classes.date}>{dayAndYear(business.created_at, i18n.language)}</span> },
              ]}
              actions={(business) =>
                business.status === 'deleted' ? (
                  button('trash.restore', () => restore(business))
                ) : (
                  <>
                    {business.status === 'active' && button('system.act', () => setAsking({ business, what: 'act' }))}
                    <RowMenu name={business.name} items={rare(business)} />
                  </>
                )
              }
            />
          )
        }
      </Answered>
      <MoreRows query={businesses} />
      <FormModal title={t('system.addBusiness')} opened={adding} onClose={() => setAdding(false)} onSubmit={create}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('agent.name')} error={fieldError('name')} maxLength={200} data-autofocus required />
            <NativeSelect name="language" label={t('profile.language')} data={LANGUAGES} />
            <TextInput name="number" type="tel" dir="ltr" label={t('leads.phone')} error={fieldError('numbers') ?? fieldError('0')} />
            <OwnerFields fieldError={fieldError} required={false} />
          </>
        )}
      </FormModal>
      <FormModal
        title={t(asking?.what === 'act' ? 'system.act' : asking?.what === 'owner' ? 'system.inviteOwner' : 'system.removeTitle')}
        action={t(asking?.what === 'act' ? 'system.begin' : asking?.what === 'owner' ? 'users.sendInvitation' : 'common.delete')}
        danger={asking?.what === 'remove'}
        opened={asking !== null}
        onClose={() => setAsking(null)}
        onSubmit={submit}
      >
        {(fieldError) => (
          <>
            <Text>
              <Own>{asking?.business.name}</Own>
            </Text>
            {asking?.what === 'act' && (
              <>
                <Notice tone="warn">{t('system.actHint')}</Notice>
                <Textarea name="reason" label={t('system.reason')} error={fieldError('reason')} rows={2} data-autofocus required />
                <NativeSelect name="minutes" label={t('calendar.minutes')} data={ACT_MINUTES} error={fieldError('minutes')} />
              </>
            )}
            {asking?.what === 'owner' && <OwnerFields fieldError={fieldError} required />}
            {asking?.what === 'remove' && <Notice tone="bad">{t('system.removeHint')}</Notice>}
          </>
        )}
      </FormModal>
    </Section>
  );
}

function OwnerFields({ fieldError, required }: { fieldError: (name: string) => string | null; required: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      <TextInput name="owner" label={t('system.ownerName')} maxLength={200} required={required} />
      <TextInput name="email" type="email" dir="ltr" label={t('system.ownerEmail')} error={fieldError('email')} required={required} />
    </>
  );
}
