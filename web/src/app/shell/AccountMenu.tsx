import { ActionIcon, Menu, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { isSignedOut } from '@/api/problem';
import { accountName } from '@/shared/data/lists';
import { useMe } from '@/shared/data/me';
import { forgetPush } from '@/shared/data/push';
import { announce, identityOf, leave } from '@/shared/data/session';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPerson } from '@/shared/ui/icons';

/** Who is signed in, the other businesses, and the way out; open at once where somebody has already asked for it. */
export function AccountMenu({ isAsked }: { isAsked: boolean }) {
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
    <Menu position="bottom-end" withinPortal defaultOpened={isAsked}>
      <Menu.Target>
        <ActionIcon size={44} variant="subtle" aria-label={t('shell.account')}>
          <IconPerson />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void navigate({ to: '/profile' })}>
          {t('nav.profile')}
          <Text component="span" display="block" size="sm" c="dimmed">
            <bdi>{accountName(me)}</bdi>
          </Text>
        </Menu.Item>
        {others.map((business) => (
          <Menu.Item key={business.id} onClick={() => void enter(business.id)}>
            {t('shell.switchTo')} <bdi>{business.name}</bdi>
          </Menu.Item>
        ))}
        <Menu.Item onClick={() => void signOut()}>{t('shell.signOut')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
