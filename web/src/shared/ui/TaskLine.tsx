import { Checkbox } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { shortTime } from '@/shared/format/when';

import { Words } from './Bidi';
import { Chip } from './Chip';
import { LeadLink } from './LeadLink';
import classes from './TaskLine.module.css';
import { useToasts } from './Toasts';
import { useNow } from './useNow';

/** A task that can be ticked off: shown as done at once, and open again when the server refuses. */
export function TaskLine({ task, children }: { task: Schemas['Task']; children?: ReactNode }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const toasts = useToasts();
  const now = useNow();
  const [wished, setWished] = useState<boolean | null>(null);
  const isDone = wished ?? task.status === 'done';
  const toggle = async (done: boolean) => {
    setWished(done);
    try {
      const params = { path: { id: task.id }, header: ifMatch(task.version) };
      await unwrap(api.PATCH('/api/crm/tasks/{id}', { params, body: { status: done ? 'done' : 'open' } }));
      await client.invalidateQueries({ queryKey: ['task'] });
    } catch (error) {
      toasts.fail(error);
    } finally {
      setWished(null);
    }
  };
  const isLate = !isDone && !!task.due_at && Date.parse(task.due_at) < now;
  return (
    <div className={classes.task} data-testid="task" data-task-id={task.id}>
      <Checkbox
        className={classes.what}
        size="md"
        checked={isDone}
        disabled={!may('tasks:write')}
        onChange={(event) => void toggle(event.currentTarget.checked)}
        label={<Words>{task.title}</Words>}
        description={task.body === '' ? undefined : <Words>{task.body}</Words>}
      />
      <div className={classes.about}>
        {task.lead_id && <LeadLink id={task.lead_id} />}
        {task.priority === 'urgent' && <Chip tone="bad">{t('tasks.urgent')}</Chip>}
        {task.due_at && <Chip tone={isLate ? 'bad' : 'quiet'}>{shortTime(task.due_at, i18n.language)}</Chip>}
      </div>
      {children && <div className={classes.actions}>{children}</div>}
    </div>
  );
}
