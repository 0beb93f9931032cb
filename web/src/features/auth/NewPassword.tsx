import { PasswordInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** The field for a password to be chosen; it is a new one where there was another before. */
export function NewPassword({ error, isFirst = false }: { error: string | null; isFirst?: boolean }) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      name="password"
      label={t(isFirst ? 'auth.password' : 'auth.newPassword')}
      description={t('auth.passwordRule')}
      error={error}
      autoComplete="new-password"
      minLength={10}
      maxLength={256}
      required
      visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }}
    />
  );
}
