import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { QRCodeSVG } from 'qrcode.react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMe } from '@/shared/data/me';
import { hasPasskeys, makePasskey } from '@/shared/data/passkey';
import { Ltr, Own } from '@/shared/ui/Bidi';
import { Form, textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Notice, Section } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

import classes from './SecondFactor.module.css';

type Asking = 'totp' | 'disable' | 'codes' | 'passkey';

/** The second factor: an authenticator app, passkeys, recovery codes. Each begins with one's password. */
export function SecondFactor() {
  const { t } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [enrolment, setEnrolment] = useState<Schemas['TotpEnrolment'] | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ['me'] });
  const submit = async (form: FormData) => {
    const password = (form.get('password') as string | null) ?? '';
    switch (asking) {
      case 'totp':
        setEnrolment(await unwrap(api.POST('/api/auth/totp', { body: { password } })));
        break;
      case 'disable':
        await unwrap(api.POST('/api/auth/totp/disable', { body: { password } }));
        break;
      case 'codes':
        setCodes((await unwrap(api.POST('/api/auth/recovery-codes', { body: { password } }))).recovery_codes);
        break;
      case 'passkey':
        await addPasskey(password, textOf(form, 'name') ?? 'passkey');
        await client.invalidateQueries({ queryKey: ['passkey'] });
        break;
      case null:
        break;
    }
    await refresh();
  };
  const confirm = async (form: FormData) => {
    const confirmed = await unwrap(api.POST('/api/auth/totp/confirm', { body: { code: textOf(form, 'code') ?? '' } }));
    setEnrolment(null);
    setCodes(confirmed.recovery_codes);
    await refresh();
  };
  return (
    <Section title={t('profile.secondFactor')}>
      <Text>{t(me.has_second_factor ? 'profile.hasSecondFactor' : 'profile.noSecondFactor', { count: me.recovery_codes_left })}</Text>
      <Group gap="xs" justify="flex-end">
        <Button variant="default" onClick={() => setAsking('totp')}>
          {t('profile.setUpApp')}
        </Button>
        {hasPasskeys() && (
          <Button variant="default" onClick={() => setAsking('passkey')}>
            {t('profile.addPasskey')}
          </Button>
        )}
        {me.has_second_factor && (
          <>
            <Button variant="default" onClick={() => setAsking('codes')}>
              {t('profile.newCodes')}
            </Button>
            <Button variant="subtle" color="red" onClick={() => setAsking('disable')}>
              {t('profile.removeApp')}
            </Button>
          </>
        )}
      </Group>
      <Passkeys />
      <FormModal title={t('profile.confirmPassword')} action={t('auth.continue')} opened={asking !== null} onClose={() => setAsking(null)} onSubmit={submit}>
        {asking === 'passkey' && <TextInput name="name" label={t('profile.passkeyName')} maxLength={100} required />}
        <PasswordInput name="password" label={t('auth.password')} autoComplete="current-password" required visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }} />
      </FormModal>
      <Modal opened={enrolment !== null} onClose={() => setEnrolment(null)} title={t('profile.setUpApp')} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
        {enrolment && (
          <Stack>
            <Text>{t('profile.scan')}</Text>
            <div className={classes.qr}>
              <QRCodeSVG value={enrolment.uri} size={200} title={t('profile.scan')} />
            </div>
            <Text size="sm">
              {t('profile.orType')} <Ltr>{enrolment.secret}</Ltr>
            </Text>
            <Form action={t('auth.continue')} onSubmit={confirm}>
              <TextInput name="code" dir="ltr" label={t('auth.code')} inputMode="numeric" autoComplete="one-time-code" required />
            </Form>
          </Stack>
        )}
      </Modal>
      <Modal opened={codes !== null} onClose={() => setCodes(null)} title={t('profile.recoveryCodes')} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
        <Stack>
          <Notice tone="warn">{t('profile.recoveryHint')}</Notice>
          <ul className={classes.codes} dir="ltr">
            {codes?.map((code) => <li key={code}>{code}</li>)}
          </ul>
        </Stack>
      </Modal>
    </Section>
  );
}

async function addPasskey(password: string, name: string): Promise<void> {
  const begun = await unwrap(api.POST('/api/auth/passkeys/begin', { body: { password } }));
  const credential = (await makePasskey(begun.challenge)) as Schemas['NewPasskey']['credential'];
  await unwrap(api.POST('/api/auth/passkeys', { body: { ceremony: begun.ceremony, name, credential } }));
}

function Passkeys() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const passkeys = useQuery({ queryKey: ['passkey'], queryFn: () => unwrap(api.GET('/api/auth/passkeys')) });
  const remove = async (id: string) => {
    try {
      await unwrap(api.DELETE('/api/auth/passkeys/{id}', { params: { path: { id } } }));
      await Promise.all(['passkey', 'me'].map((key) => client.invalidateQueries({ queryKey: [key] })));
    } catch (error) {
      toasts.fail(error);
    }
  };
  return (
    <Answered query={passkeys}>
      {() =>
        passkeys.data?.data.map((passkey) => (
          <Group key={passkey.id} justify="space-between">
            <Own>{passkey.name}</Own>
            <Button size="compact-md" variant="subtle" color="red" onClick={() => void remove(passkey.id)}>
              {t('common.remove')}
            </Button>
          </Group>
        ))
      }
    </Answered>
  );
}
