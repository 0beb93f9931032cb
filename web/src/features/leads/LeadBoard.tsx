import { Button, Menu, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type DragEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { stagesQuery, useStages } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Answered } from '@/shared/ui/Page';
import { PersonName } from '@/shared/ui/Person';
import { useStageName } from '@/shared/ui/stageName';

import { type Lead, type LeadFilter, useBoard, useIsNobody, useLeads, useMoveLead } from './data';
import classes from './LeadBoard.module.css';

const DRAGGED = 'application/x-prosaas-lead';

interface BoardProps {
  filter: LeadFilter;
  /** What stands where the filter lets nobody through. */
  nothing?: ReactNode;
  /** What stands where nobody is known yet. */
  empty?: ReactNode;
}

/** Leads by stage. Cards are dragged, and each has a "Move to" menu: for thumbs, keyboards and screen readers. */
export function LeadBoard({ filter, nothing = null, empty = null }: BoardProps) {
  const { t } = useTranslation();
  const stages = useStages();
  const board = useBoard(true);
  const asked = useQuery(stagesQuery);
  const isNobody = useIsNobody(filter);
  // Columns without a card and without a word would only look broken.
  if (asked.isSuccess && board.data?.data.every(({ count }) => count.value === 0)) return empty;
  if (asked.isSuccess && isNobody) return nothing;
  return (
    <Answered query={asked}>
      {() => (
        <div className={classes.board} role="region" aria-label={t('leads.board')} tabIndex={0}>
          {stages.map((stage) => (
            <Column key={stage.id} stage={stage} stages={stages} filter={filter} count={board.data?.data.find((one) => one.stage_id === stage.id)?.count} />
          ))}
        </div>
      )}
    </Answered>
  );
}

interface ColumnProps {
  stage: Schemas['Stage'];
  stages: Schemas['Stage'][];
  filter: LeadFilter;
  count: Schemas['Count'] | undefined;
}

function Column({ stage, stages, filter, count }: ColumnProps) {
  const { t } = useTranslation();
  const stageName = useStageName();
  const move = useMoveLead();
  const [over, setOver] = useState(false);
  const leads = useLeads({ ...filter, stage: stage.id });
  const rows = leads.rows.filter((lead) => lead.stage_id === stage.id);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const lead = JSON.parse(event.dataTransfer.getData(DRAGGED)) as Lead;
    if (lead.stage_id !== stage.id) move.mutate({ lead, stage: stage.id });
  };
  const allow = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    setOver(true);
  };
  return (
    <section className={classes.column} data-over={over} onDragOver={allow} onDragLeave={() => setOver(false)} onDrop={drop}>
      <Title order={2} size="h6" className={classes.title}>
        <Own>{stageName(stage.name)}</Own>
        {count && <bdi dir="ltr">{count.capped ? `${count.value}+` : count.value}</bdi>}
      </Title>
      <Answered query={leads}>
        {() => rows.map((lead) => <Card key={lead.id} lead={lead} stages={stages} onMove={(to) => move.mutate({ lead, stage: to })} />)}
      </Answered>
      {leads.hasNextPage && (
        <Button variant="subtle" size="sm" loading={leads.isFetchingNextPage} onClick={() => void leads.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </section>
  );
}

function Card({ lead, stages, onMove }: { lead: Lead; stages: Schemas['Stage'][]; onMove: (stage: string) => void }) {
  const { t } = useTranslation();
  const stageName = useStageName();
  const mayWrite = useMay()('leads:write');
  return (
    <article
      className={classes.card}
      draggable={mayWrite}
      onDragStart={(event) => event.dataTransfer.setData(DRAGGED, JSON.stringify(lead))}
      data-testid="board-card"
      data-lead-id={lead.id}
    >
      <Link to="/leads/$id" params={{ id: lead.id }} draggable={false}>
        <PersonName person={lead} />
      </Link>
      {lead.name && lead.phone && <Phone number={lead.phone} />}
      {mayWrite && (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button size="compact-md" variant="light" data-testid="move-to">
              {t('leads.moveTo')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {stages
              .filter((stage) => stage.id !== lead.stage_id)
              .map((stage) => (
                <Menu.Item key={stage.id} onClick={() => onMove(stage.id)}>
                  {stageName(stage.name)}
                </Menu.Item>
              ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </article>
  );
}
