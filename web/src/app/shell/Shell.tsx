import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

import { isSignedOut } from '@/api/problem';
import { useLiveUpdates } from '@/shared/data/events';
import { meQuery, useMe } from '@/shared/data/me';
import { IconMore } from '@/shared/ui/icons';

import { Banners } from './Banners';
import { HeaderMenu } from './HeaderMenu';
import { type Screen, screensFor } from './screens';
import classes from './Shell.module.css';

/** The frame around every screen of somebody signed in. */
export function Shell() {
  const { t } = useTranslation();
  const me = useMe();
  const { connected } = useLiveUpdates(me.permissions.includes('business:read'));
  useSignOut();
  const screens = screensFor(me);
  const business = me.businesses.find((one) => one.id === me.working_in);
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        {t('nav.skip')}
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.brand}>
          <bdi>{business?.name ?? 'ProSaaS'}</bdi>
        </Link>
        <HeaderMenu />
      </header>
      <nav className={classes.side} aria-label={t('nav.label')}>
        {screens.map((screen) => (
          <NavLink key={screen.to} screen={screen} />
        ))}
      </nav>
      <main id="content" className={classes.main} tabIndex={-1}>
        <Banners connected={connected} />
        <Outlet />
      </main>
      <nav className={classes.bottom} aria-label={t('nav.daily')}>
        {screens.filter((screen) => screen.isDaily).map((screen) => (
          <NavLink key={screen.to} screen={screen} />
        ))}
        <Link to="/more" className={classes.link}>
          <IconMore />
          <span>{t('nav.more')}</span>
        </Link>
      </nav>
    </div>
  );
}

function NavLink({ screen }: { screen: Screen }) {
  const { t } = useTranslation();
  const { icon: Icon } = screen;
  return (
    <Link to={screen.to} className={classes.link} title={t(screen.name)} activeOptions={{ exact: screen.to === '/' }}>
      <Icon />
      <span>{t(screen.name)}</span>
    </Link>
  );
}

/** Goes to the sign-in as soon as the session has ended, here or elsewhere. */
function useSignOut() {
  const navigate = useNavigate();
  const { error } = useQuery(meQuery);
  useEffect(() => {
    if (isSignedOut(error)) {
      void navigate({ to: '/sign-in', search: { to: location.pathname + location.search } });
    }
  }, [error, navigate]);
}
