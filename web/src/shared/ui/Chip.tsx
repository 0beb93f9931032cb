import type { ReactNode } from 'react';

import classes from './Chip.module.css';

export type Tone = 'quiet' | 'accent' | 'good' | 'warn' | 'bad';

/** A word about the state of something. */
export function Chip({ tone = 'quiet', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={classes.chip} data-tone={tone}>
      {children}
    </span>
  );
}
