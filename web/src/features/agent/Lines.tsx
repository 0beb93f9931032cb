import type { ReactNode } from 'react';

import classes from './Lines.module.css';

/** What a list of the agent holds, a line under each. */
export function Lines({ children }: { children: ReactNode }) {
  return <ul className={classes.lines}>{children}</ul>;
}

/** One of it, and what can be done with it. */
export function Line({ actions, children }: { actions?: ReactNode; children: ReactNode }) {
  return (
    <li className={classes.line}>
      <div className={classes.what}>{children}</div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </li>
  );
}
