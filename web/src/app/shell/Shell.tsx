import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { isSignedOut } from '@/api/problem';
import { useLiveUpdates } from '@/shared/data/events';
import { meQuery, useMe } from '@/shared/data/me';
import { renewPush } from '@/shared/data/push';
import { identityOf, leave } from '@/shared/data/session';
import { IconMore } from '@/shared/ui/icons';
import { useIsWide } from '@/shared/ui/useIsWide';

import { Banners } from './Banners';
import { HeaderMenu } from './HeaderMenu';
import { type Screen, barOf, screensFor } from './screens';
import classes from './Shell.module.css';

/** The frame around every screen of somebody signed in. */
export function Shell() {
  const { t } = useTranslation();
  const me = useMe();
  const { connected } = useLiveUpdates(me.permissions.includes('business:read'));
  useSignOut();
  usePush();
  const isWide = useIsWide();
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
      {isWide && <Side screens={screensFor(me)} />}
      <main id="content" className={classes.main} tabIndex={-1}>
        <Banners connected={connected} />
        <Outlet />
      </main>
      {!isWide && <Bottom screens={screensFor(me)} />}
    </div>
  );
}

/** Every screen, where there is room for them. */
function Side({ screens }: { screens: Screen[] }) {
  const { t } = useTranslation();
  return (
    <nav className={classes.side} aria-label={t('nav.label')}>
      {screens.map((screen) => (
        <NavLink key={screen.to} screen={screen} />
      ))}
    </nav>
  );
}

/** The screens of every day, on a phone. Only one of the two menus exists: a link costs a cheap phone some milliseconds. */
function Bottom({ screens }: { screens: Screen[] }) {
  const { t } = useTranslation();
  const shown = barOf(screens);
  return (
    <nav className={classes.bottom} aria-label={t('nav.daily')}>
      {shown.map((screen) => (
        <NavLink key={screen.to} screen={screen} />
      ))}
      {shown.length < screens.length && (
        <Link to="/more" className={classes.link}>
          <IconMore />
          <span>{t('nav.more')}</span>
        </Link>
      )}
    </nav>
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

/** Leaves as soon as the session has ended or belongs to somebody else, wherever that happened. */
function useSignOut() {
  const { error } = useQuery(meQuery);
  const identity = identityOf(useMe());
  const [shown] = useState(identity);
  useEffect(() => {
    if (isSignedOut(error)) {
      const to = location.pathname + location.search;
      leave(to === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(to)}`);
    } else if (identity !== shown) {
      leave('/');
    }
  }, [error, identity, shown]);
}

/** Tells the server at every start how this device is reached, where somebody switched that on; and goes where a notification leads. */
function usePush() {
  const identity = identityOf(useMe());
  const navigate = useNavigate();
  useEffect(() => {
    // Tried again at the next start: nothing on the screen waits for it.
    renewPush(identity).catch(() => undefined);
  }, [identity]);
  useEffect(() => {
    if (!('serviceWorker' in navigator)) return;
    const hear = ({ data }: MessageEvent<{ open?: unknown }>) => {
      const path = screenIn(data?.open);
      if (path !== null) void navigate({ to: path });
    };
    navigator.serviceWorker.addEventListener('message', hear);
    return () => navigator.serviceWorker.removeEventListener('message', hear);
  }, [navigate]);
}

/** A screen of this console that an address names. */
function screenIn(address: unknown): string | null {
  if (typeof address !== 'string' || !URL.canParse(address)) return null;
  const { origin, pathname } = new URL(address);
  return origin === location.origin ? pathname : null;
}
