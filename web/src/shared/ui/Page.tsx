import { Button, Loader, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '@/api/problem';

import type { Asked } from './asked';
import { useErrorText } from './errors';
import classes from './Page.module.css';

interface PageProps {
  title: string;
  /** Shown instead of the title, which the browser's tab keeps. */
  heading?: ReactNode;
  actions?: ReactNode;
  /** Where there is room, it is as high as the window: its list scrolls by itself. */
  fills?: boolean;
  children: ReactNode;
}

/** A screen: its heading, what can be done on it, and its content. */
export function Page({ title, heading, actions, fills = false, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · ProSaaS`;
  }, [title]);
  return (
    <div className={classes.page} data-fills={fills}>
      <div className={classes.head}>
        <Title order={1} size="h3">
          {heading || title}
        </Title>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A box with an optional heading. */
export function Section({ title, actions, children }: { title?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section}>
      {title && (
        <div className={classes.head}>
          <Title order={2} size="h5">
            {title}
          </Title>
          {actions && <div className={classes.actions}>{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/** What stands where there is nothing yet: it says what to do next. */
export function Empty({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <Text c="dimmed">{text}</Text>
      {children && <div className={classes.ways}>{children}</div>}
    </div>
  );
}

/** What stands where a filter lets nothing through: the way out of it. */
export function NothingFound({ onClear }: { onClear: () => void }) {
  const { t } = useTranslation();
  return (
    <Empty text={t('common.nothingFound')}>
      <Button variant="default" onClick={onClear}>
        {t('common.clearFilter')}
      </Button>
    </Empty>
  );
}

/** Whether the server said that there is no such thing, or none any more. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

interface UnansweredProps {
  query: Pick<Asked, 'error' | 'refetch'>;
  /** What is not there, in a sentence, where the heading does not say it. */
  saying?: string | undefined;
  /** Where to go from what does not exist: to ask for it again cannot help. */
  ifGone?: ReactNode;
}

/** Why something is not there, and the button that asks for it again; nothing where nothing failed. */
export function Unanswered({ query, saying, ifGone }: UnansweredProps) {
  const { t } = useTranslation();
  const explain = useErrorText();
  if (!query.error) return null;
  return (
    <div className={classes.empty} role="alert">
      <Text>
        {saying} {explain(query.error)}
      </Text>
      {ifGone && isGone(query.error) ? (
        <div className={classes.ways}>{ifGone}</div>
      ) : (
        <Button variant="light" onClick={() => void query.refetch()}>
          {t('common.tryAgain')}
        </Button>
      )}
    </div>
  );
}

/** Whether what was there before may stay: the server was away, and has not said that it is gone or forbidden. */
function stays({ data, error }: Asked): boolean {
  return data !== undefined && error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

/** The content once it is there; before that that it is coming, or why it is not. */
export function Answered({ query, saying, ifGone, children }: { query: Asked; saying?: string; ifGone?: ReactNode; children: () => ReactNode }) {
  if (query.isPending && !query.error) return <Loading />;
  // The content has one place, whether or not something is said above it: what is typed there outlives an outage.
  return (
    <>
      <Unanswered query={query} saying={saying} ifGone={ifGone} />
      {(!query.error || stays(query)) && children()}
    </>
  );
}

/** Says that something is coming. */
export function Loading() {
  const { t } = useTranslation();
  return (
    <div className={classes.empty} role="status" aria-label={t('common.loading')}>
      <Loader size="sm" color="var(--accent)" />
    </div>
  );
}

/** A message that stays where it is. */
export function Notice({ tone, children }: { tone: 'quiet' | 'good' | 'warn' | 'bad'; children: ReactNode }) {
  return (
    <div className={classes.notice} data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}
