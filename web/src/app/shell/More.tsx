import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useMe } from '@/shared/data/me';
import { Page } from '@/shared/ui/Page';

import classes from './More.module.css';
import { screensFor } from './screens';

/** The screens that have no place in the bar of a phone. */
export function More() {
  const { t } = useTranslation();
  const screens = screensFor(useMe()).filter((screen) => !screen.isDaily);
  return (
    <Page title={t('nav.more')}>
      <ul className={classes.list}>
        {screens.map(({ to, name, icon: Icon }) => (
          <li key={to}>
            <Link to={to}>
              <Icon />
              <span>{t(name)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}
