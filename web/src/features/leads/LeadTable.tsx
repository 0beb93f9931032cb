import { Checkbox } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { createColumnHelper, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { useMemberName, useStages } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { shortTime } from '@/shared/format/when';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { useStageName } from '@/shared/ui/stageName';

import { DeleteLead } from './DeleteLead';
import type { Lead } from './data';
import classes from './LeadTable.module.css';

const features = tableFeatures({});
const helper = createColumnHelper<typeof features, Lead>();
const ROW_PX = 56;

interface Props {
  leads: Lead[];
  /** The leads that were ticked; no ticks where nobody may change many at once. */
  chosen: ReadonlySet<string> | null;
  onChoose: (ids: readonly string[], isChosen: boolean) => void;
  hasMore: boolean;
  loadMore: () => void;
}

/** Leads at a desk. Only the rows that can be seen exist, so a hundred thousand scroll as ten do. */
export function LeadTable({ leads, chosen, onChoose, hasMore, loadMore }: Props) {
  const { t } = useTranslation();
  const columns = useColumns();
  const frame = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoised by its result
  const virtual = useVirtualizer({ count: leads.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 8 });
  const seen = virtual.getVirtualItems();
  const first = seen[0]?.index ?? 0;
  const last = seen.at(-1)?.index ?? 0;
  // The table knows of what is seen alone: a row made of each lead would cost a moment with every page that comes.
  const shown = useMemo(() => leads.slice(first, last + 1), [leads, first, last]);
  const table = useTable({ features, columns, data: shown, getRowId: (lead) => lead.id });
  const { rows } = table.getRowModel();
  useEffect(() => {
    if (hasMore && last >= leads.length - 30) loadMore();
  }, [hasMore, last, leads.length, loadMore]);
  return (
    <div ref={frame} className={classes.frame} data-choosing={chosen !== null} tabIndex={0} role="region" aria-label={t('nav.leads')}>
      <div role="table" aria-label={t('nav.leads')} aria-rowcount={hasMore ? -1 : leads.length + 1}>
        <div role="rowgroup">
          {table.getHeaderGroups().map((group) => (
            <div key={group.id} role="row" className={classes.head}>
              {chosen && (
                <div role="columnheader">
                  <Checkbox
                    aria-label={t('bulk.all')}
                    checked={leads.length > 0 && chosen.size === leads.length}
                    indeterminate={chosen.size > 0 && chosen.size < leads.length}
                    onChange={(event) => onChoose(leads.map(({ id }) => id), event.currentTarget.checked)}
                  />
                </div>
              )}
              {group.headers.map((header) => (
                <div key={header.id} role="columnheader">
                  <table.FlexRender header={header} />
                </div>
              ))}
            </div>
          ))}
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {seen.map(({ index, start }) => {
            const row = rows[index - first];
            return row ? (
              <div
                key={row.id}
                role="row"
                aria-rowindex={index + 2}
                className={classes.row}
                style={{ transform: `translateY(${start}px)` }}
                data-testid="lead-row"
                data-lead-id={row.id}
              >
                {chosen && (
                  <div role="cell">
                    <Checkbox
                      aria-label={t('bulk.one', { name: row.original.name ?? t('leads.unnamed') })}
                      checked={chosen.has(row.id)}
                      onChange={(event) => onChoose([row.id], event.currentTarget.checked)}
                    />
                  </div>
                )}
                {row.getAllCells().map((cell) => (
                  <div key={cell.id} role="cell">
                    <table.FlexRender cell={cell} />
                  </div>
                ))}
              </div>
            ) : null;
          })}
        </div>
      </div>
    </div>
  );
}

function useColumns() {
  const { t, i18n } = useTranslation();
  const stages = useStages();
  const stageName = useStageName();
  const memberName = useMemberName();
  const may = useMay();
  const mayWrite = may('leads:write');
  return useMemo(
    () =>
      helper.columns([
        helper.accessor('name', {
          header: t('leads.name'),
          cell: ({ row }) => (
            <Link to="/leads/$id" params={{ id: row.original.id }} className={classes.name}>
              {row.original.name ? <Own>{row.original.name}</Own> : t('leads.unnamed')}
            </Link>
          ),
        }),
        helper.accessor('phone', { header: t('leads.phone'), cell: ({ row }) => (row.original.phone ? <Phone number={row.original.phone} link /> : '') }),
        helper.accessor('stage_id', {
          header: t('leads.stage'),
          cell: ({ row }) => {
            const stage = stages.find((one) => one.id === row.original.stage_id);
            return stage ? <Chip tone={stage.kind === 'won' ? 'good' : stage.kind === 'lost' ? 'quiet' : 'accent'}>{stageName(stage.name)}</Chip> : '';
          },
        }),
        helper.accessor('next_step', { header: t('leads.nextStep'), cell: ({ row }) => <Own>{row.original.next_step ?? row.original.intent ?? ''}</Own> }),
        helper.accessor('assignee_id', { header: t('leads.assignee'), cell: ({ row }) => <Own>{memberName(row.original.assignee_id) ?? ''}</Own> }),
        helper.accessor('active_at', { header: t('leads.lastEvent'), cell: ({ row }) => shortTime(row.original.active_at, i18n.language) }),
        helper.display({ id: 'actions', header: t('common.actions'), cell: ({ row }) => (mayWrite ? <DeleteLead lead={row.original} quiet /> : null) }),
      ]),
    [t, i18n.language, stages, stageName, memberName, mayWrite],
  );
}
