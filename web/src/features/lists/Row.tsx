import { ActionIcon } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { IconDown, IconPen, IconTrash, IconUp } from '@/shared/ui/icons';

import classes from './Row.module.css';

interface Props {
  /** What it is called: buttons say it to those who do not see them. */
  name: string;
  children: ReactNode;
  /** A word about it. */
  chip?: ReactNode;
  onEdit?: (() => void) | undefined;
  onRemove?: (() => void) | undefined;
  /** Moves it one place up; left out at the top. */
  onUp?: (() => void) | undefined;
  onDown?: (() => void) | undefined;
}

/** One entry of a list that can be arranged, changed and removed. */
export function Row({ name, children, chip, onEdit, onRemove, onUp, onDown }: Props) {
  const { t } = useTranslation();
  const button = (word: string, icon: ReactNode, act: (() => void) | undefined, isDanger = false) =>
    act && (
      <ActionIcon size={44} variant="subtle" {...(isDanger ? { color: 'red' } : {})} aria-label={t(word, { name })} onClick={act}>
        {icon}
      </ActionIcon>
    );
  return (
    <li className={classes.row}>
      <div className={classes.about}>
        <div className={classes.name}>{children}</div>
        {chip}
      </div>
      <div className={classes.buttons}>
        {button('lists.up', <IconUp />, onUp)}
        {button('lists.down', <IconDown />, onDown) ?? (onUp && <span className={classes.place} />)}
        {button('lists.edit', <IconPen />, onEdit)}
        {button('lists.remove', <IconTrash />, onRemove, true)}
      </div>
    </li>
  );
}

/** The list around them. */
export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={classes.rows} aria-label={label}>
      {children}
    </ul>
  );
}

/** A tag's colour. */
export function Dot({ color }: { color: string }) {
  return color === '' ? null : <span className={classes.dot} style={{ background: color }} aria-hidden="true" />;
}
