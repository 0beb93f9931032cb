import { Button, useDirection } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { type ConsoleLanguage, directionOf, switchLanguage } from '@/shared/i18n';

import { useToasts } from './Toasts';

/** Switches language and direction. Its label is in the language that it switches to. */
export function LanguageSwitch({ signedIn = false }: { signedIn?: boolean }) {
  const { i18n } = useTranslation();
  const { setDirection } = useDirection();
  const client = useQueryClient();
  const toasts = useToasts();
  const other: ConsoleLanguage = i18n.language === 'he' ? 'en' : 'he';
  const toggle = async () => {
    await switchLanguage(other);
    setDirection(directionOf(other));
    if (!signedIn) return;
    try {
      const me = await unwrap(api.PATCH('/api/auth/me', { body: { language: other } }));
      client.setQueryData(['me'], me);
    } catch (error) {
      toasts.fail(error);
    }
  };
  return (
    <Button variant="subtle" size="sm" lang={other} data-testid="language-switch" onClick={() => void toggle()}>
      {other === 'he' ? 'עברית' : 'English'}
    </Button>
  );
}
