import { Button, PasswordInput, Stack, TextInput, useDirection } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { meQuery } from '@/shared/data/me';
import { hasPasskeys, showPasskey } from '@/shared/data/passkey';
import { announce, identityOf } from '@/shared/data/session';
import { directionOf, switchLanguage } from '@/shared/i18n';
import { Form, textOf } from '@/shared/ui/Form';
import { useToasts } from '@/shared/ui/Toasts';

import { AuthPage } from './AuthPage';

type Pending = Schemas['PendingLogin'];

/** Goes where somebody wanted to go, in his language. */
function useEnter() {
  const client = useQueryClient();
  const router = useRouter();
  const navigate = useNavigate();
  const { setDirection } = useDirection();
  return async () => {
    client.clear();
    const me = await client.fetchQuery(meQuery);
    announce(identityOf(me));
    const language = me.language === 'en' ? 'en' : 'he';
    if (!document.cookie.includes('prosaas_language=')) {
      await switchLanguage(language);
      setDirection(directionOf(language));
    }
    const wanted = new URLSearchParams(location.search).get('to');
    // Only addresses of this site: the link could come from anybody.
    if (wanted?.startsWith('/') && !wanted.startsWith('//') && !wanted.includes('\\')) {
      router.history.replace(wanted);
    } else {
      await navigate({ to: '/', replace: true });
    }
  };
}

/** Signs in: address and password, then the second factor where there is one. */
export function SignIn() {
  const { t } = useTranslation();
  const enter = useEnter();
  const [pending, setPending] = useState<Pending | null>(null);
  const go = async (state: Schemas['LoginState']) => {
    if (state.signed_in) await enter();
    else setPending(state.second_factor ?? null);
  };
  return (
    <AuthPage title={t('auth.signIn')}>
      {pending ? <SecondFactor pending={pending} go={go} cancel={() => setPending(null)} /> : <FirstFactor go={go} />}
    </AuthPage>
  );
}

function FirstFactor({ go }: { go: (state: Schemas['LoginState']) => Promise<void> }) {
  const { t } = useTranslation();
  const submit = async (form: FormData) => {
    const body = { email: textOf(form, 'email') ?? '', password: (form.get('password') as string | null) ?? '' };
    await go(await unwrap(api.POST('/api/auth/login', { body })));
  };
  return (
    <Stack>
      <Form action={t('auth.signIn')} onSubmit={submit} wide>
        <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} autoComplete="username" required />
        <PasswordInput
          name="password"
          label={t('auth.password')}
          autoComplete="current-password"
          required
          visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }}
        />
      </Form>
      <Link to="/forgot">{t('auth.forgot')}</Link>
    </Stack>
  );
}

interface SecondProps {
  pending: Pending;
  go: (state: Schemas['LoginState']) => Promise<void>;
  cancel: () => void;
}

function SecondFactor({ pending, go, cancel }: SecondProps) {
  const { t } = useTranslation();
  const toasts = useToasts();
  const [recovery, setRecovery] = useState(false);
  const withPasskey = pending.methods.includes('passkey') && hasPasskeys();
  const withCode = pending.methods.includes('totp');
  const submit = async (form: FormData) => {
    const method = recovery ? ('recovery_code' as const) : ('totp' as const);
    const body = { token: pending.token, method, code: textOf(form, 'code') ?? '' };
    await go(await unwrap(api.POST('/api/auth/login/code', { body })));
  };
  const passkey = async () => {
    try {
      const { token } = pending;
      const begun = await unwrap(api.POST('/api/auth/login/passkey/begin', { body: { token } }));
      const credential = (await showPasskey(begun.challenge)) as Schemas['PasskeyLogin']['credential'];
      await go(await unwrap(api.POST('/api/auth/login/passkey', { body: { token, ceremony: begun.ceremony, credential } })));
    } catch (error) {
      toasts.fail(error);
    }
  };
  return (
    <Stack>
      {withPasskey && <Button onClick={() => void passkey()}>{t('auth.usePasskey')}</Button>}
      {withCode && (
        <Form action={t('auth.continue')} onSubmit={submit} wide>
          <TextInput
            key={recovery ? 'recovery' : 'totp'}
            name="code"
            dir="ltr"
            label={t(recovery ? 'auth.recoveryCode' : 'auth.code')}
            description={t(recovery ? 'auth.recoveryHint' : 'auth.codeHint')}
            inputMode={recovery ? 'text' : 'numeric'}
            autoComplete="one-time-code"
            autoFocus
            required
          />
        </Form>
      )}
      {withCode && (
        <Button variant="subtle" onClick={() => setRecovery(!recovery)}>
          {t(recovery ? 'auth.useCode' : 'auth.useRecovery')}
        </Button>
      )}
      <Button variant="subtle" onClick={cancel}>
        {t('common.cancel')}
      </Button>
    </Stack>
  );
}
