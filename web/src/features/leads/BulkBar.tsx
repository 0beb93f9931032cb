import { Button, Group, Menu, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { accountName, useMembers, useStages, useTags } from '@/shared/data/lists';
import { FormModal } from '@/shared/ui/FormModal';
import { useStageName } from '@/shared/ui/stageName';
import { UNDO_MS, useToasts } from '@/shared/ui/Toasts';
import { useAct } from '@/shared/ui/useAct';

import classes from './BulkBar.module.css';

/** How often a running change is asked for, beside the events that tell of it. */
const LOOK_MS = 1_000;

const hasEnded = (job: Schemas['BatchJob'] | undefined) => job !== undefined && job.state !== 'queued' && job.state !== 'running';

/** What can be done to the chosen leads at once, and how far it has come. */
export function BulkBar({ chosen, onDone }: { chosen: readonly string[]; onDone: () => void }) {
  const { t } = useTranslation();
  const stageName = useStageName();
  const stages = useStages();
  const tags = useTags();
  const members = useMembers();
  const toasts = useToasts();
  const [job, setJob] = useState<{ id: string; action: Schemas['BulkAction'] } | null>(null);
  const [deleting, setDeleting] = useState(false);
  const begin = async (action: Schemas['BulkAction']) => {
    const { id } = await unwrap(api.POST('/api/crm/leads/bulk', { body: { action, lead_ids: [...chosen] } }));
    setJob({ id, action });
  };
  const attempt = (action: Schemas['BulkAction']) => void begin(action).catch(toasts.fail);
  const progress = useProgress(job, () => {
    setJob(null);
    onDone();
  });
  if (job) {
    return (
      <div className={classes.bar} role="status">
        <Text>{t('bulk.running', { done: progress?.done ?? 0, total: progress?.total ?? chosen.length })}</Text>
      </div>
    );
  }
  if (chosen.length === 0) return null;
  const choices = <T extends { id: string }>(word: string, rows: readonly T[], name: (row: T) => string, action: (row: T) => Schemas['BulkAction']) =>
    rows.length > 0 && (
      <Menu position="bottom-start" withinPortal>
        <Menu.Target>
          <Button size="sm" variant="default">
            {word}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {rows.map((row) => (
            <Menu.Item key={row.id} onClick={() => attempt(action(row))}>
              <bdi>{name(row)}</bdi>
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    );
  return (
    <div className={classes.bar} data-testid="bulk-bar">
      <Text fw={600}>{t('bulk.chosen', { count: chosen.length })}</Text>
      <Group gap="xs">
        {choices(t('leads.moveTo'), stages, (stage) => stageName(stage.name), (stage) => ({ kind: 'move', stage_id: stage.id }))}
        {choices(t('bulk.assign'), members, (member) => accountName(member), (member) => ({ kind: 'assign', assignee_id: member.id }))}
        {choices(t('bulk.tag'), tags, (tag) => tag.name, (tag) => ({ kind: 'add_tag', tag_id: tag.id }))}
        <Button size="sm" variant="light" color="red" onClick={() => setDeleting(true)}>
          {t('common.delete')}
        </Button>
        <Button size="sm" variant="subtle" onClick={onDone}>
          {t('common.cancel')}
        </Button>
      </Group>
      <FormModal
        title={t('bulk.deleteTitle', { count: chosen.length })}
        action={t('common.delete')}
        danger
        opened={deleting}
        onClose={() => setDeleting(false)}
        onSubmit={() => begin({ kind: 'delete' })}
        mark={{ 'data-testid': 'bulk-delete-confirm' }}
      >
        <Text c="dimmed">{t('leads.deleteHint')}</Text>
      </FormModal>
    </div>
  );
}

/** Follows a job to its end; says then what came of it, and offers to take a deletion back. */
function useProgress(job: { id: string; action: Schemas['BulkAction'] } | null, onEnd: () => void): Schemas['BatchJob'] | undefined {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const act = useAct();
  const id = job?.id ?? '';
  const { data } = useQuery({
    queryKey: ['batch', id],
    queryFn: () => unwrap(api.GET('/api/jobs/{id}', { params: { path: { id } } })),
    enabled: job !== null,
    refetchInterval: ({ state }) => (hasEnded(state.data) ? false : LOOK_MS),
  });
  useEffect(() => {
    if (!job || !hasEnded(data) || data?.id !== job.id) return;
    const undo = () => void act(['lead'], () => unwrap(api.POST('/api/crm/leads/bulk/{id}/undo', { params: { path: { id: job.id } } })));
    const text = data.failed > 0 ? t('bulk.partly', { count: data.done, failed: data.failed }) : t('bulk.done', { count: data.done });
    toasts.show({ text, stays: UNDO_MS, ...(job.action.kind === 'delete' ? { action: { label: t('common.undo'), run: undo } } : {}) });
    void client.invalidateQueries({ queryKey: ['lead'] });
    onEnd();
  }, [job, data, act, t, toasts, client, onEnd]);
  return data;
}
