import { Button, Group, NativeSelect, PasswordInput, Stack, Text, TextInput, useDirection } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMay, useMe } from '@/shared/data/me';
import { longTime } from '@/shared/format/when';
import { directionOf, switchLanguage } from '@/shared/i18n';
import { Ltr } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { Form, textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Page, Section } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';

import { Notifications } from './Notifications';
import { OwnPhone } from './OwnPhone';
import { SecondFactor } from './SecondFactor';
import { browserOf } from './browser';

/** How many sessions are shown before somebody asks for all. */
const FEW = 5;

/** One's own account: name, language, password, second factor, sessions. */
export function Profile() {
  const { t } = useTranslation();
  const may = useMay();
  const me = useMe();
  // Who acts for a business is no member of it: it has neither a phone of his nor a device.
  const isMember = me.working_in !== null && me.working_in !== undefined && !me.acting;
  return (
    <Page title={t('nav.profile')}>
      <About />
      {isMember && may('calls:read') && <Notifications />}
      {isMember && may('calls:write') && <OwnPhone />}
      <SecondFactor />
      <Sessions />
    </Page>
  );
}

function About() {
  const { t } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const toasts = useToasts();
  const { setDirection } = useDirection();
  const [changing, setChanging] = useState(false);
  const save = async (form: FormData) => {
    const language = textOf(form, 'language') === 'en' ? 'en' : 'he';
    const saved = await unwrap(api.PATCH('/api/auth/me', { body: { name: textOf(form, 'name') ?? '', language } }));
    client.setQueryData(['me'], saved);
    await switchLanguage(language);
    setDirection(directionOf(language));
    toasts.show({ text: t('common.saved') });
  };
  const changePassword = async (form: FormData) => {
    const body = { current: (form.get('current') as string | null) ?? '', new: (form.get('new') as string | null) ?? '' };
    await unwrap(api.POST('/api/auth/password', { body }));
    toasts.show({ text: t('profile.passwordChanged') });
    await client.invalidateQueries({ queryKey: ['session'] });
  };
  const toggle = { 'aria-label': t('auth.showPassword') };
  return (
    <Section title={t('profile.about')}>
      <Text>
        {t('auth.email')}: <Ltr>{me.email}</Ltr>
      </Text>
      <Form action={t('common.save')} onSubmit={save}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('auth.name')} defaultValue={me.name} error={fieldError('name')} maxLength={200} required />
            {/* The switch in the header saves the language as well: the field follows it. */}
            <NativeSelect
              key={me.language}
              name="language"
              label={t('profile.language')}
              description={t('profile.languageHint')}
              defaultValue={me.language}
              data={[
                { value: 'he', label: 'עברית' },
                { value: 'en', label: 'English' },
              ]}
            />
          </>
        )}
      </Form>
      <Group justify="flex-end">
        <Button variant="default" onClick={() => setChanging(true)}>
          {t('profile.changePassword')}
        </Button>
      </Group>
      <FormModal title={t('profile.changePassword')} opened={changing} onClose={() => setChanging(false)} onSubmit={changePassword}>
        {(fieldError) => (
          <>
            <PasswordInput name="current" label={t('auth.currentPassword')} autoComplete="current-password" required visibilityToggleButtonProps={toggle} />
            <PasswordInput name="new" label={t('auth.newPassword')} description={t('auth.passwordRule')} error={fieldError('new')} autoComplete="new-password" minLength={10} maxLength={256} required visibilityToggleButtonProps={toggle} />
          </>
        )}
      </FormModal>
    </Section>
  );
}

function Sessions() {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const sessions = useQuery({ queryKey: ['session'], queryFn: () => unwrap(api.GET('/api/auth/sessions')) });
  const act = async (asked: Promise<unknown>) => {
    try {
      await asked;
      await client.invalidateQueries({ queryKey: ['session'] });
    } catch (error) {
      toasts.fail(error);
    }
  };
  const [showsAll, setShowsAll] = useState(false);
  const rows = latestFirst(sessions.data?.data ?? []);
  const revoke = (id: string) => act(unwrap(api.DELETE('/api/auth/sessions/{id}', { params: { path: { id } } })));
  const revokeOthers = () => act(unwrap(api.POST('/api/auth/sessions/revoke-others')));
  return (
    <Section
      title={t('profile.sessions')}
      actions={
        <Button variant="default" onClick={() => void revokeOthers()}>
          {t('profile.revokeOthers')}
        </Button>
      }
    >
      <Answered query={sessions}>
        {() => (
          <Stack>
            <Records
              label={t('profile.sessions')}
              rows={showsAll ? rows : rows.slice(0, FEW)}
              idOf={(session) => session.id}
              columns={[
                {
                  key: 'browser',
                  title: t('profile.browser'),
                  cell: (session) => (
                    <Group gap="xs">
                      <SessionName agent={session.user_agent} />
                      {session.current && <Chip tone="good">{t('profile.thisOne')}</Chip>}
                    </Group>
                  ),
                },
                { key: 'since', title: t('profile.signedInAt'), cell: (session) => longTime(session.signed_in_at, i18n.language) },
                { key: 'seen', title: t('profile.seenAt'), cell: (session) => longTime(session.seen_at, i18n.language) },
              ]}
              actions={(session) =>
                session.current ? null : (
                  <Button size="compact-md" variant="default" onClick={() => void revoke(session.id)}>
                    {t('profile.revoke')}
                  </Button>
                )
              }
            />
            {!showsAll && rows.length > FEW && (
              <Group justify="center">
                <Button variant="default" onClick={() => setShowsAll(true)}>
                  {t('profile.moreSessions', { total: rows.length })}
                </Button>
              </Group>
            )}
          </Stack>
        )}
      </Answered>
    </Section>
  );
}

/** This session, and then those that were used last. */
function latestFirst(sessions: readonly Schemas['SignedInBrowser'][]): Schemas['SignedInBrowser'][] {
  return [...sessions].sort((one, other) => Number(other.current) - Number(one.current) || other.seen_at.localeCompare(one.seen_at));
}

/** What somebody signed in with; other programs go by the name that they give themselves. */
function SessionName({ agent }: { agent: string }) {
  const { t } = useTranslation();
  const browser = browserOf(agent);
  if (browser !== null) return <Ltr>{browser}</Ltr>;
  return (
    <span>
      {t('profile.otherSoftware')}
      {agent !== '' && (
        <>
          {' ('}
          <Ltr>{agent.slice(0, 60)}</Ltr>)
        </>
      )}
    </span>
  );
}
