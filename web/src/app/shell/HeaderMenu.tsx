import { ActionIcon } from '@mantine/core';
import { Suspense, lazy, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { LanguageSwitch } from '@/shared/ui/LanguageSwitch';
import { ThemeSwitch } from '@/shared/ui/ThemeSwitch';
import { IconPerson } from '@/shared/ui/icons';

import classes from './HeaderMenu.module.css';

const AccountMenu = lazy(() => import('./AccountMenu').then((file) => ({ default: file.AccountMenu })));

/** Language, colours and the account. */
export function HeaderMenu() {
  const { t } = useTranslation();
  const [isAsked, setAsked] = useState(false);
  // The button is there with the first paint, its menu later: whoever is quicker is not forgotten.
  const button = (
    <ActionIcon size={44} variant="subtle" aria-label={t('shell.account')} onClick={() => setAsked(true)}>
      <IconPerson />
    </ActionIcon>
  );
  return (
    <div className={classes.menu}>
      <LanguageSwitch signedIn />
      <ThemeSwitch />
      <Suspense fallback={button}>
        <AccountMenu isAsked={isAsked} />
      </Suspense>
    </div>
  );
}
