import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { AddButton } from '@/shared/ui/AddButton';
import { Answered, NothingFound, Page } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { IconBoard, IconDownload, IconList, IconUpload } from '@/shared/ui/icons';
import { useIsWide } from '@/shared/ui/useIsWide';

import { BulkBar } from './BulkBar';
import { LeadBoard } from './LeadBoard';
import { LeadCards } from './LeadCards';
import { LeadFilters } from './LeadFilters';
import { LeadTable } from './LeadTable';
import { NewLead } from './NewLead';
import { NoLeads } from './NoLeads';
import { Tool } from './Tool';
import { FIRST_CARDS, type LeadFilter, useLeads } from './data';
import { exportOf, pick } from './views';

/** The people the business knows: a table or a board at a desk, cards on a phone. */
export function Leads() {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const search = useSearch({ from: '/signed-in/leads' });
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const [cleared, setCleared] = useState(0);
  const filter = pick({ ...search });
  const isBoard = search.view === 'board';
  const isWide = useIsWide();
  const narrow = (changed: LeadFilter) => void navigate({ to: '/leads', search: { ...changed, view: search.view }, replace: true });
  const clear = () => {
    // The search field begins anew.
    setCleared(cleared + 1);
    narrow({});
  };
  const none = <NoLeads onAdd={() => setAdding(true)} />;
  const nothing = <NothingFound onClear={clear} />;
  return (
    <Page
      title={t('nav.leads')}
      fills={isWide && !isBoard}
      actions={
        <>
          <Tool
            text={t(isBoard ? 'leads.list' : 'leads.board')}
            icon={isBoard ? <IconList /> : <IconBoard />}
            as={(props) => <button type="button" {...props} onClick={() => void navigate({ to: '/leads', search: { ...search, view: isBoard ? undefined : 'board' } })} />}
          />
          {may('leads:export') && (
            // A plain link: the browser writes the file while it comes.
            <Tool text={t('leads.export')} icon={<IconDownload />} as={(props) => <a {...props} href={exportOf(filter, i18n.language)} download />} />
          )}
          {may('leads:manage') && <Tool text={t('leads.import')} icon={<IconUpload />} as={(props) => <Link to="/leads/import" {...props} />} />}
          {may('leads:write') && <AddButton text={t('leads.add')} onClick={() => setAdding(true)} />}
        </>
      }
    >
      <LeadFilters key={cleared} filter={filter} onChange={narrow} />
      {isBoard ? <LeadBoard filter={filter} nothing={nothing} empty={none} /> : <List filter={filter} nothing={nothing} empty={none} />}
      <NewLead opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

interface ListProps {
  filter: LeadFilter;
  /** What stands where the filter lets nobody through. */
  nothing: ReactNode;
  /** What stands where nobody is known yet. */
  empty: ReactNode;
}

function List({ filter, nothing, empty }: ListProps) {
  const isWide = useIsWide();
  const leads = useLeads(filter, true, isWide ? undefined : FIRST_CARDS);
  const mayManage = useMay()('leads:manage');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  // The same function from draw to draw: rows that did not change are not drawn again.
  const choose = useCallback((ids: readonly string[], isChosen: boolean) => {
    setChosen((before) => {
      const changed = new Set(before);
      for (const id of ids) {
        if (isChosen) changed.add(id);
        else changed.delete(id);
      }
      return changed;
    });
  }, []);
  const clear = useCallback(() => setChosen(new Set()), []);
  // What is not in the list any more cannot be changed by its ticks.
  const ticked = chosen.size === 0 ? [] : leads.rows.filter(({ id }) => chosen.has(id)).map(({ id }) => id);
  const { fetchNextPage, isFetchingNextPage } = leads;
  const loadMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage]);
  return (
    <>
      {/* Outside the list: a change goes on when the last lead has left it. */}
      {isWide && mayManage && <BulkBar chosen={ticked} onDone={clear} />}
      <Answered query={leads}>
        {() => {
          if (leads.rows.length === 0) {
            const isFiltered = Object.keys(filter).length > 0;
            return isFiltered ? nothing : empty;
          }
          if (isWide) {
            return (
              <LeadTable leads={leads.rows} chosen={mayManage ? chosen : null} onChoose={choose} hasMore={leads.hasNextPage} loadMore={loadMore} />
            );
          }
          return (
            <>
              <LeadCards leads={leads.rows} />
              <MoreRows query={leads} />
            </>
          );
        }}
      </Answered>
    </>
  );
}
