import { Button, Menu, NativeSelect, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type DragEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { pipelinesQuery } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { type Listed, changed, usePages } from '@/shared/data/pages';
import { sums } from '@/shared/format/money';
import { Own, Sum } from '@/shared/ui/Bidi';
import { LeadLink } from '@/shared/ui/LeadLink';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPlus } from '@/shared/ui/icons';
import { useDealStageName } from '@/shared/ui/stageName';

import classes from './Deals.module.css';
import { NewDeal } from './NewDeal';
import { NewPipeline } from './NewPipeline';

type Deal = Schemas['Deal'];

const DRAGGED = 'application/x-prosaas-deal';

/** The deals of a pipeline on a board, with the sum of each stage. */
export function Deals() {
  const { t } = useTranslation();
  const may = useMay();
  const pipelines = useQuery(pipelinesQuery);
  const [chosen, setChosen] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const pipeline = pipelines.data?.find((one) => one.id === chosen) ?? pipelines.data?.[0];
  return (
    <Page
      title={t('nav.deals')}
      actions={
        <>
          {pipeline && (pipelines.data?.length ?? 0) > 1 && (
            <NativeSelect
              aria-label={t('deals.pipeline')}
              value={pipeline.id}
              onChange={(event) => setChosen(event.currentTarget.value)}
              data={pipelines.data?.map((one) => ({ value: one.id, label: one.name })) ?? []}
            />
          )}
          {pipeline && may('deals:write') && (
            <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
              {t('deals.add')}
            </Button>
          )}
        </>
      }
    >
      <Answered query={pipelines}>
        {() =>
          pipeline ? (
            <Board
              pipeline={pipeline}
              empty={
                <Empty text={t('deals.empty')}>
                  {may('deals:write') && (
                    <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
                      {t('deals.add')}
                    </Button>
                  )}
                </Empty>
              }
            />
          ) : (
            <Empty text={t('deals.noPipeline')}>
              <NewPipeline />
            </Empty>
          )
        }
      </Answered>
      {pipeline && <NewDeal pipeline={pipeline} opened={adding} onClose={() => setAdding(false)} />}
    </Page>
  );
}

/** The stages beside each other; `empty` where none of them has a deal: bare columns would only look broken. */
function Board({ pipeline, empty }: { pipeline: Schemas['Pipeline']; empty: ReactNode }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const key = ['deal', 'list', pipeline.id];
  const deals = usePages<Deal>(key, (cursor) => unwrap(api.GET('/api/crm/deals', { params: { query: { pipeline_id: pipeline.id, cursor, limit: 200 } } })));
  const move = async (deal: Deal, stage_id: string) => {
    const before = client.getQueryData<Listed<Deal>>(key);
    client.setQueryData<Listed<Deal>>(key, (listed) => changed(listed, deal.id, (row) => ({ ...row, stage_id })));
    try {
      await unwrap(api.PATCH('/api/crm/deals/{id}', { params: { path: { id: deal.id }, header: ifMatch(deal.version) }, body: { stage_id } }));
    } catch (error) {
      client.setQueryData(key, before);
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['deal'] });
    }
  };
  const stages = [...pipeline.stages].sort((a, b) => a.position - b.position);
  return (
    <Answered query={deals}>
      {() =>
        deals.rows.length === 0 && !deals.hasNextPage ? (
          empty
        ) : (
          <>
            <div className={classes.board} role="region" aria-label={t('nav.deals')} tabIndex={0}>
              {stages.map((stage) => (
                <Column key={stage.id} stage={stage} stages={stages} deals={deals.rows} move={move} />
              ))}
            </div>
            <MoreRows query={deals} />
          </>
        )
      }
    </Answered>
  );
}

interface ColumnProps {
  stage: Schemas['DealStage'];
  stages: Schemas['DealStage'][];
  deals: Deal[];
  move: (deal: Deal, stage: string) => Promise<void>;
}

function Column({ stage, stages, deals, move }: ColumnProps) {
  const stageName = useDealStageName();
  const rows = deals.filter((deal) => deal.stage_id === stage.id);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const deal = deals.find((one) => one.id === event.dataTransfer.getData(DRAGGED));
    if (deal && deal.stage_id !== stage.id) void move(deal, stage.id);
  };
  const allow = (event: DragEvent) => {
    if (event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
  };
  return (
    <section className={classes.column} onDragOver={allow} onDrop={drop}>
      <Title order={2} size="h6">
        <Own>{stageName(stage.name)}</Own>
      </Title>
      <div className={classes.sum}>
        {sums(rows.map((deal) => deal.value)).map((sum) => (
          <Sum key={sum.currency} money={sum} />
        ))}
      </div>
      {rows.map((deal) => (
        <Card key={deal.id} deal={deal} stages={stages} onMove={(to) => void move(deal, to)} />
      ))}
    </section>
  );
}

function Card({ deal, stages, onMove }: { deal: Deal; stages: Schemas['DealStage'][]; onMove: (stage: string) => void }) {
  const { t } = useTranslation();
  const stageName = useDealStageName();
  const mayWrite = useMay()('deals:write');
  return (
    <article className={classes.card} draggable={mayWrite} onDragStart={(event) => event.dataTransfer.setData(DRAGGED, deal.id)} data-testid="deal-card" data-deal-id={deal.id}>
      <strong>
        <Own>{deal.title}</Own>
      </strong>
      <Sum money={deal.value} />
      <LeadLink id={deal.lead_id} />
      {mayWrite && (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button size="compact-md" variant="light">
              {t('leads.moveTo')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {stages
              .filter((stage) => stage.id !== deal.stage_id)
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
