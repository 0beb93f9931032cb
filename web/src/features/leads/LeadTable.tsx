import { useNavigate, useRouter } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMemberName, useStages } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { useStageName } from '@/shared/ui/stageName';
import { useWindow } from '@/shared/ui/useWindow';

import { DeleteWindow } from './DeleteLead';
import { type Acts, LeadRow, type Look, ROW_PX } from './LeadRow';
import type { Lead } from './data';
import classes from './LeadTable.module.css';

const COLUMNS = ['leads.name', 'leads.phone', 'leads.stage', 'leads.nextStep', 'leads.assignee', 'leads.lastEvent', 'common.actions'];

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
  const look = useLook();
  const [deleting, setDeleting] = useState<{ lead: Lead; button: HTMLElement; isAsked: boolean } | null>(null);
  const acts = useActs(onChoose, useCallback((lead, button) => setDeleting({ lead, button, isAsked: true }), []));
  const frame = useRef<HTMLDivElement>(null);
  const { first, end } = useWindow(frame, ROW_PX, leads.length);
  useEffect(() => {
    if (hasMore && end > leads.length - 30) loadMore();
  }, [hasMore, end, leads.length, loadMore]);
  const all = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (all.current) all.current.indeterminate = chosen !== null && chosen.size > 0 && chosen.size < leads.length;
  }, [chosen, leads.length]);
  return (
    <div ref={frame} className={classes.frame} data-choosing={chosen !== null} tabIndex={0} role="region" aria-label={t('nav.leads')}>
      <div role="table" aria-label={t('nav.leads')} aria-rowcount={hasMore ? -1 : leads.length + 1}>
        <div role="rowgroup">
          <div role="row" className={classes.head}>
            {chosen && (
              <div role="columnheader">
                <input
                  ref={all}
                  type="checkbox"
                  className={classes.tick}
                  aria-label={t('bulk.all')}
                  checked={leads.length > 0 && chosen.size === leads.length}
                  onChange={(event) => onChoose(leads.map(({ id }) => id), event.currentTarget.checked)}
                />
              </div>
            )}
            {COLUMNS.map((name) => (
              <div key={name} role="columnheader">
                {t(name)}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: leads.length * ROW_PX }}>
          {leads.slice(first, end).map((lead, index) => (
            <LeadRow key={lead.id} lead={lead} index={first + index} isChosen={chosen && chosen.has(lead.id)} look={look} acts={acts} />
          ))}
        </div>
      </div>
      {deleting && (
        <DeleteWindow
          lead={deleting.lead}
          opened={deleting.isAsked}
          onClose={() => setDeleting({ ...deleting, isAsked: false })}
          onGone={() => deleting.button.focus({ preventScroll: true })}
        />
      )}
    </div>
  );
}

/** What rows are drawn with; another one only when something of it has changed. */
function useLook(): Look {
  const { t, i18n } = useTranslation();
  const stages = useStages();
  const stageName = useStageName();
  const memberName = useMemberName();
  const mayWrite = useMay()('leads:write');
  const { language } = i18n;
  return useMemo(() => ({ t, language, stages: new Map(stages.map((stage) => [stage.id, stage])), stageName, memberName, mayWrite }), [t, language, stages, stageName, memberName, mayWrite]);
}

/** What can be done with a row, for all of them. */
function useActs(onChoose: Props['onChoose'], remove: Acts['remove']): Acts {
  const navigate = useNavigate();
  const router = useRouter();
  return useMemo(
    () => ({
      choose: (id, isChosen) => onChoose([id], isChosen),
      open: (id) => void navigate({ to: '/leads/$id', params: { id } }),
      foresee: (id) => void router.preloadRoute({ to: '/leads/$id', params: { id } }).catch(() => undefined),
      remove,
    }),
    [navigate, router, onChoose, remove],
  );
}
