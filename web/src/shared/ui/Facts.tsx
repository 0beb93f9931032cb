import type { ReactNode } from 'react';

import classes from './Facts.module.css';

/** From so many letters on a value has a line of its own. */
const LONG = 24;

/** Names and values; what has no value is left out. A value that is said to be long has a line of its own too. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode, isLong?: boolean])[] }) {
  return (
    <dl className={classes.facts}>
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value, isLong = false]) => (
          <div key={name} data-long={isLong || (typeof value === 'string' && value.length > LONG)}>
            <dt>{name}</dt>
            <dd>{typeof value === 'string' ? <bdi>{value}</bdi> : value}</dd>
          </div>
        ))}
    </dl>
  );
}
