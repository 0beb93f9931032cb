import { ActionIcon } from '@mantine/core';
import { type ComponentType, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { offline } from '@/api/problem';
import { LanguageSwitch } from '@/shared/ui/LanguageSwitch';
import { ThemeSwitch } from '@/shared/ui/ThemeSwitch';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPerson } from '@/shared/ui/icons';

import classes from './HeaderMenu.module.css';

/** Language, colours and the account. */
export function HeaderMenu() {
  return (
    <div className={classes.menu}>
      <LanguageSwitch signedIn />
      <ThemeSwitch />
      <Account />
    </div>
  );
}

/**
 * The account's button is there with the first paint, its menu behind it: whoever presses before is not forgotten, and
 * a file that does not come takes nothing else from the screen.
 */
function Account() {
  const { t } = useTranslation();
  const toasts = useToasts();
  const [menu, setMenu] = useState<{ Menu: ComponentType<{ isAsked: boolean }> } | null>(null);
  const [isAsked, setAsked] = useState(false);
  const load = useCallback(() => import('./AccountMenu').then(({ AccountMenu }) => setMenu({ Menu: AccountMenu })), []);
  useEffect(() => {
    load().catch(() => undefined);
  }, [load]);
  const ask = () => {
    setAsked(true);
    load().catch(() => toasts.fail(offline()));
  };
  if (menu) return <menu.Menu isAsked={isAsked} />;
  return (
    <ActionIcon size={44} variant="subtle" aria-label={t('shell.account')} onClick={ask}>
      <IconPerson />
    </ActionIcon>
  );
}
