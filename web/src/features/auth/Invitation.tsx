import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Notice } from '@/shared/ui/Page';

import { AuthPage } from './AuthPage';
import { NewPassword } from './NewPassword';
import { useLinkToken } from './token';

/** Accepts an invitation to a business; who has an account already needs no new password. */
export function Invitation() {
  const { t } = useTranslation();
  const token = useLinkToken();
  const [done, setDone] = useState(false);
  const invitation = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => unwrap(api.POST('/api/auth/invitation', { body: { token: token ?? '' } })),
    enabled: token !== null,
    retry: false,
  });
  // To ask for it again cannot help: whoever invited has to.
  const isUsedUp = token === null || (invitation.error instanceof ApiError && invitation.error.code === 'link-used-up');
  const submit = async (form: FormData) => {
    const password = textOf(form, 'password');
    await unwrap(api.POST('/api/auth/invitation/accept', { body: { token: token ?? '', password } }));
    setDone(true);
  };
  return (
    <AuthPage title={t('auth.invitation')}>
      {isUsedUp && !done && (
        <Notice tone="bad">
          {t('problem.link-used-up')} {t('auth.askForInvitation')}
        </Notice>
      )}
      {done && <Notice tone="good">{t('auth.invitationAccepted')}</Notice>}
      {!isUsedUp && !done && (
        <Answered query={invitation}>
          {() => (
            <Form action={t('auth.accept')} onSubmit={submit} wide>
              {(fieldError) => (invitation.data?.needs_password ? <NewPassword error={fieldError('password')} isFirst /> : <Text>{t('auth.knownAccount')}</Text>)}
            </Form>
          )}
        </Answered>
      )}
      <Link to="/sign-in">{t('auth.backToSignIn')}</Link>
    </AuthPage>
  );
}
