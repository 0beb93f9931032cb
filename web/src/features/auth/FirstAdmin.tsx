import { Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { currentLanguage } from '@/shared/i18n';
import { Form, textOf } from '@/shared/ui/Form';
import { Notice } from '@/shared/ui/Page';

import { AuthPage } from './AuthPage';
import { NewPassword } from './NewPassword';
import { useLinkToken } from './token';

/** The first start: whoever holds the link of the server's log becomes the installation's administrator. */
export function FirstAdmin() {
  const { t } = useTranslation();
  const token = useLinkToken();
  const client = useQueryClient();
  const navigate = useNavigate();
  const submit = async (form: FormData) => {
    const body = {
      token: token ?? '',
      email: textOf(form, 'email') ?? '',
      name: textOf(form, 'name') ?? '',
      password: textOf(form, 'password') ?? '',
      language: currentLanguage(),
    };
    await unwrap(api.POST('/api/auth/first-admin', { body }));
    client.clear();
    await navigate({ to: '/profile' });
  };
  return (
    <AuthPage title={t('auth.firstAdmin')}>
      {token === null ? (
        <Notice tone="bad">{t('auth.firstAdminNoLink')}</Notice>
      ) : (
        <>
          <Text>{t('auth.firstAdminHint')}</Text>
          <Form action={t('auth.createAccount')} onSubmit={submit} wide>
            {(fieldError) => (
              <>
                <TextInput name="name" label={t('auth.name')} error={fieldError('name')} autoComplete="name" maxLength={200} required />
                <TextInput name="email" type="email" dir="ltr" label={t('auth.email')} error={fieldError('email')} autoComplete="username" required />
                <NewPassword error={fieldError('password')} isFirst />
              </>
            )}
          </Form>
        </>
      )}
    </AuthPage>
  );
}
