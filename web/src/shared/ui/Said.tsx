import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import classes from './Said.module.css';

/** A line of what is said: on whose side it stands, and under whose name. */
export type SaidLine = { key: number; side: string; name: string; text: string };

/** What is said, as it is said: the newest stands at the bottom and is in sight. Nothing while nothing was said. */
export function Said({ lines, testId }: { lines: readonly SaidLine[]; testId: string }) {
  const { t } = useTranslation();
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines.length]);
  if (lines.length === 0) return null;
  return (
    <ol ref={list} className={classes.said} tabIndex={0} aria-label={t('calls.transcript')} aria-live="polite">
      {lines.map(({ key, side, name, text }) => (
        <li key={key} data-speaker={side} data-testid={testId}>
          <span className={classes.speaker}>{name}</span>
          <span dir="auto">{text}</span>
        </li>
      ))}
    </ol>
  );
}
