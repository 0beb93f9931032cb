import { Text, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { Form, textOf } from '@/shared/ui/Form';
import { Notice } from '@/shared/ui/Page';

import { AuthPage } from './AuthPage';

/** Asks for a mail with a link to a new password. Says the same whether the address is known or not. */
export function Forgot() {
  const { t } = useTranslation();
  const [sent, setSent] = useState(false);
  const submit = async (form: FormData) => {
    await unwrap(api.POST('/api/auth/password-reset', { body: { email: textOf(form, 'email') ?? '' } }));
    setSent(true);
  };
  return (
    <AuthPage title={t('auth.forgot')}>
      {sent ? (
        <Notice tone="good">{t('auth.mailSent')}</Notice>
      ) : (
        <>
          <Text>{t('auth.forgotHint')}</Text>
          <Form action={t('auth.sendLink')} onSubmit={submit} wide>
            <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} autoComplete="username" required />
          </Form>
        </>
      )}
      <Link to="/sign-in">{t('auth.backToSignIn')}</Link>
    </AuthPage>
  );
}
