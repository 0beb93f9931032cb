import type { ReactNode } from 'react';

import { callLink, showPhone } from '@/shared/format/phone';

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
  const shown = <Ltr>{showPhone(number)}</Ltr>;
  return link ? <a href={callLink(number)}>{shown}</a> : shown;
}
