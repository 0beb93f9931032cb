import { Button } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { IconPlus } from '@/shared/ui/icons';
import { useIsWide } from '@/shared/ui/useIsWide';

import { LeadBoard } from './LeadBoard';
import { LeadCards } from './LeadCards';
import { LeadFilters } from './LeadFilters';
import { LeadTable } from './LeadTable';
import { NewLead } from './NewLead';
import { useLeads } from './data';
import { exportOf, pick } from './views';

/** The people the business knows: a table or a board at a desk, cards on a phone. */
export function Leads() {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const search = useSearch({ from: '/signed-in/leads' });
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const filter = pick({ ...search });
  const isBoard = search.view === 'board';
  return (
    <Page
      title={t('nav.leads')}
      actions={
        <>
          <Button variant="default" aria-pressed={isBoard} onClick={() => void navigate({ to: '/leads', search: { ...search, view: isBoard ? undefined : 'board' } })}>
            {t(isBoard ? 'leads.list' : 'leads.board')}
          </Button>
          {may('leads:export') && (
            // A plain link: the browser writes the file while it comes.
            <Button component="a" href={exportOf(filter, i18n.language)} download variant="default">
              {t('leads.export')}
            </Button>
          )}
          {may('leads:manage') && (
            <Button component={Link} to="/leads/import" variant="default">
              {t('leads.import')}
            </Button>
          )}
          {may('leads:write') && (
            <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
              {t('leads.add')}
            </Button>
          )}
        </>
      }
    >
      <LeadFilters filter={filter} onChange={(changed) => void navigate({ to: '/leads', search: { ...changed, view: search.view }, replace: true })} />
      {isBoard ? <LeadBoard filter={filter} /> : <List filter={filter} />}
      <NewLead opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function List({ filter }: { filter: ReturnType<typeof pick> }) {
  const { t } = useTranslation();
  const isWide = useIsWide();
  const leads = useLeads(filter);
  const { fetchNextPage, isFetchingNextPage } = leads;
  const loadMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage]);
  return (
    <Answered query={leads}>
      {() => {
        if (leads.rows.length === 0) {
          const isFiltered = Object.keys(filter).length > 0;
          return <Empty text={t(isFiltered ? 'common.nothingFound' : 'leads.empty')} />;
        }
        if (isWide) return <LeadTable leads={leads.rows} hasMore={leads.hasNextPage} loadMore={loadMore} />;
        return (
          <>
            <LeadCards leads={leads.rows} />
            <MoreRows query={leads} />
          </>
        );
      }}
    </Answered>
  );
}
