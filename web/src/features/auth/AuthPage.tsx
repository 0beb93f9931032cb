import { Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

import { LanguageSwitch } from '@/shared/ui/LanguageSwitch';
import { ThemeSwitch } from '@/shared/ui/ThemeSwitch';

import classes from './AuthPage.module.css';

/** The frame of the screens for somebody who is not signed in. */
export function AuthPage({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ProSaaS`;
  }, [title]);
  return (
    <div className={classes.page}>
      <div className={classes.tools}>
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
      <main className={classes.box}>
        <p className={classes.brand}>ProSaaS</p>
        <Title order={1} size="h3">
          {title}
        </Title>
        {children}
      </main>
    </div>
  );
}
