import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { useIsDesk } from './useIsWide';
import classes from './Records.module.css';

/** One property of the rows. The first one names the row. */
export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Numbers and sums: their last digits are below each other. */
  atEnd?: boolean;
  /** Has a line of a card to itself, such as an address. */
  isLong?: boolean;
  /** Left out of cards: too much for a phone. */
  tableOnly?: boolean;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  /** Buttons of a row. */
  actions?: (row: T) => ReactNode;
  /** What a card shows instead of every column. */
  card?: (row: T) => ReactNode;
  /** Attributes that tests and tools find rows by. */
  mark?: (row: T) => Record<`data-${string}`, string>;
}

/** Rows as a table where there is room, and as cards where there is none. */
export function Records<T>(props: Props<T>) {
  return useIsDesk() ? <AsTable {...props} /> : <AsCards {...props} />;
}

function AsTable<T>({ label, rows, columns, idOf, actions, mark }: Props<T>) {
  const { t } = useTranslation();
  return (
    <div className={classes.frame} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" data-end={column.atEnd}>
                {column.title}
              </th>
            ))}
            {actions && <th scope="col">{t('common.actions')}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={idOf(row)} {...mark?.(row)}>
              {columns.map((column) => (
                <td key={column.key} data-end={column.atEnd}>
                  {column.cell(row)}
                </td>
              ))}
              {actions && (
                <td>
                  <div className={classes.actions}>{actions(row)}</div>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AsCards<T>({ label, rows, columns, idOf, actions, card, mark }: Props<T>) {
  const [name, ...rest] = columns.filter((column) => !column.tableOnly);
  return (
    <ul className={classes.cards} aria-label={label}>
      {rows.map((row) => (
        <li key={idOf(row)} className={classes.card} {...mark?.(row)}>
          {card?.(row) ?? (
            <>
              <div className={classes.name}>{name?.cell(row)}</div>
              <dl className={classes.facts}>
                {rest.map((column) => (
                  <Fact key={column.key} column={column} shown={column.cell(row)} />
                ))}
              </dl>
            </>
          )}
          {actions && <div className={classes.actions}>{actions(row)}</div>}
        </li>
      ))}
    </ul>
  );
}

/** A property on a card; what has no value is left out. */
function Fact<T>({ column, shown }: { column: Column<T>; shown: ReactNode }) {
  if (shown === null || shown === undefined || shown === '') return null;
  return (
    <div data-long={column.isLong}>
      <dt>{column.title}</dt>
      <dd>{shown}</dd>
    </div>
  );
}

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** The button that brings the next page, as long as there is one. */
export function MoreRows({ query }: { query: Paged }) {
  const { t } = useTranslation();
  if (!query.hasNextPage) return null;
  return (
    <div className={classes.more}>
      <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t('common.more')}
      </Button>
    </div>
  );
}
