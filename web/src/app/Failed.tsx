import { Button, Stack, Text, Title } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useErrorText } from '@/shared/ui/errors';

import classes from './Failed.module.css';

/** Stands where a screen could not be shown. */
export function Failed({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  const explain = useErrorText();
  return (
    <main className={classes.middle}>
      <Stack align="center" role="alert">
        <Title order={1} size="h3">
          {t('common.failed')}
        </Title>
        <Text>{explain(error)}</Text>
        <Button onClick={() => location.reload()}>{t('common.tryAgain')}</Button>
      </Stack>
    </main>
  );
}

/** Stands where there is no screen. */
export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className={classes.middle}>
      <Stack align="center">
        <Title order={1} size="h3">
          {t('common.notFound')}
        </Title>
        <Button component="a" href="/">
          {t('common.toStart')}
        </Button>
      </Stack>
    </main>
  );
}
