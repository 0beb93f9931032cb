import type { ReactNode } from 'react';

import type { Schemas } from '@/api/client';
import { showMoney } from '@/shared/format/money';
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

/** An arrow that points the other way where reading does. */
export function Turned({ children }: { children: ReactNode }) {
  return <span className={classes.turned}>{children}</span>;
}
