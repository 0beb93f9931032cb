import { PasswordInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** The field for a password to be chosen. */
export function NewPassword({ error }: { error: string | null }) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      name="password"
      label={t('auth.newPassword')}
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
