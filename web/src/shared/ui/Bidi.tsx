import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { CENT_MICRO_USD, isUnderACent, showCost, showMoney } from '@/shared/format/money';
import { callLink, showPhone } from '@/shared/format/phone';

import classes from './Bidi.module.css';

/** What is written from left to right in every language: numbers, addresses, codes. */
export function Ltr({ children }: { children: ReactNode }) {
  return <bdi dir="ltr">{children}</bdi>;
}

/** A name or sentence that somebody wrote, in whichever language. */
export function Own({ children }: { children: ReactNode }) {
  return <bdi>{children}</bdi>;
}

/** As `Own`, of more than one line: its last words would stand alone at the other side otherwise. */
export function Words({ children }: { children: ReactNode }) {
  return (
    <span dir="auto" className={classes.words}>
      {children}
    </span>
  );
}

/** What stays on one line, such as a dot and what follows it. */
export function Whole({ children }: { children: ReactNode }) {
  return <span className={classes.whole}>{children}</span>;
}

/**
 * The name of a file. What somebody called it is in its own direction; its ending comes last, where computers show it,
 * whatever the name says: else "לקוחות 2026.csv" would read "csv.2026 לקוחות".
 */
export function FileName({ name }: { name: string }) {
  const dot = name.lastIndexOf('.');
  const end = dot > 0 ? dot : name.length;
  return (
    <Ltr>
      <Own>{name.slice(0, end)}</Own>
      {name.slice(end)}
    </Ltr>
  );
}

/** A telephone number, to be tapped where `link` is set. */
export function Phone({ number, link = false }: { number: string; link?: boolean }) {
  const shown = (
    <bdi dir="ltr" className={classes.whole}>
      {showPhone(number)}
    </bdi>
  );
  return link ? <a href={callLink(number)}>{shown}</a> : shown;
}

/** An amount of money. */
export function Sum({ money }: { money: Schemas['Money'] }) {
  return <Ltr>{showMoney(money)}</Ltr>;
}

/** What something cost, in millionths of a US dollar. What is below a cent is not nothing. */
export function Cost({ microUsd }: { microUsd: number }) {
  const { t } = useTranslation();
  if (!isUnderACent(microUsd)) return <Ltr>{showCost(microUsd)}</Ltr>;
  // The sum has walls of its own: the words around it are in the language of the screen.
  return <bdi>{t('calls.lessThan', { cost: `\u2066${showCost(CENT_MICRO_USD)}\u2069` })}</bdi>;
}

/** An arrow that points the other way where reading does. */
export function Turned({ children }: { children: ReactNode }) {
  return <span className={classes.turned}>{children}</span>;
}
