import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { Form, textOf } from '@/shared/ui/Form';
import { Notice } from '@/shared/ui/Page';

import { AuthPage } from './AuthPage';
import { NewPassword } from './NewPassword';
import { useLinkToken } from './token';

/** Chooses a new password with the link of a mail or of the operator. */
export function Reset() {
  const { t } = useTranslation();
  const token = useLinkToken();
  const [done, setDone] = useState(false);
  const submit = async (form: FormData) => {
    const password = textOf(form, 'password') ?? '';
    await unwrap(api.POST('/api/auth/password-reset/confirm', { body: { token: token ?? '', password } }));
    setDone(true);
  };
  return (
    <AuthPage title={t('auth.choosePassword')}>
      {done && <Notice tone="good">{t('auth.passwordSet')}</Notice>}
      {token === null && <Notice tone="bad">{t('problem.link-used-up')}</Notice>}
      {token !== null && !done && (
        <Form action={t('common.save')} onSubmit={submit} wide>
          {(fieldError) => <NewPassword error={fieldError('password')} />}
        </Form>
      )}
      {!done && <Link to="/forgot">{t('auth.newLink')}</Link>}
      <Link to="/sign-in">{t('auth.backToSignIn')}</Link>
    </AuthPage>
  );
}
