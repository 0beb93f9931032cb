import { ActionIcon, Menu } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { isSignedOut } from '@/api/problem';
import { useMe } from '@/shared/data/me';
import { forgetPush } from '@/shared/data/push';
import { announce, identityOf, leave } from '@/shared/data/session';
import { LanguageSwitch } from '@/shared/ui/LanguageSwitch';
import { ThemeSwitch } from '@/shared/ui/ThemeSwitch';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPerson } from '@/shared/ui/icons';

import classes from './HeaderMenu.module.css';

/** Language, colours and the account. */
export function HeaderMenu() {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const toasts = useToasts();
  const others = me.businesses.filter((business) => business.id !== me.working_in);
  const enter = async (id: string) => {
    try {
      await unwrap(api.POST('/api/auth/businesses/{id}/enter', { params: { path: { id } } }));
      // Nothing of the other business may stay, here or in another tab.
      leave('/');
      announce(identityOf({ id: me.id, working_in: id }));
    } catch (error) {
      toasts.fail(error);
    }
  };
  const signOut = async () => {
    try {
      await unwrap(api.POST('/api/auth/logout'));
    } catch (error) {
      // Whoever was signed out already wanted to be.
      if (!isSignedOut(error)) return toasts.fail(error);
    }
    await forgetPush();
    leave('/sign-in');
    announce(null);
  };
  return (
    <div className={classes.menu}>
      <LanguageSwitch signedIn />
      <ThemeSwitch />
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon size={44} variant="subtle" aria-label={t('shell.account')}>
            <IconPerson />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => void navigate({ to: '/profile' })}>
            <bdi>{me.name || me.email}</bdi>
          </Menu.Item>
          {others.map((business) => (
            <Menu.Item key={business.id} onClick={() => void enter(business.id)}>
              {t('shell.switchTo')} <bdi>{business.name}</bdi>
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => void signOut()}>{t('shell.signOut')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
