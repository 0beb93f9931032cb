import { ActionIcon, Button, Group, NativeSelect, Stack, TextInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { accountName, useMembers } from '@/shared/data/lists';
import { useMay, useMe } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { useUndated } from '@/shared/data/undated';
import { fromInput } from '@/shared/format/when';
import { type Asked, together } from '@/shared/ui/asked';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { MomentField } from '@/shared/ui/MomentField';
import { Answered, Empty, NothingFound, Page, Section } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { TaskLine } from '@/shared/ui/TaskLine';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPlus, IconTrash } from '@/shared/ui/icons';

type Task = Schemas['Task'];

/** The tasks: open ones by when they are due. */
export function Tasks() {
  const { t } = useTranslation();
  const may = useMay();
  const me = useMe();
  const [status, setStatus] = useState<Schemas['TaskStatus']>('open');
  const [whose, setWhose] = useState('');
  const [adding, setAdding] = useState(false);
  const filter = { status, assignee_id: whose || undefined, sort: status === 'open' ? ('due' as const) : undefined };
  const tasks = usePages<Task>(['task', 'list', filter], (cursor) => unwrap(api.GET('/api/crm/tasks', { params: { query: { ...filter, cursor, limit: 50 } } })));
  const add = may('tasks:write') && (
    <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
      {t('tasks.add')}
    </Button>
  );
  const clear = () => {
    setStatus('open');
    setWhose('');
  };
  const isFiltered = status !== 'open' || whose !== '';
  const empty = isFiltered ? <NothingFound onClear={clear} /> : <Empty text={t('tasks.empty')}>{add}</Empty>;
  return (
    <Page title={t('nav.tasks')} actions={add}>
      <Group gap="xs">
        <NativeSelect
          aria-label={t('tasks.status')}
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value as Schemas['TaskStatus'])}
          data={(['open', 'done', 'cancelled'] as const).map((value) => ({ value, label: t(`tasks.is.${value}`) }))}
        />
        <NativeSelect
          aria-label={t('leads.assignee')}
          value={whose}
          onChange={(event) => setWhose(event.currentTarget.value)}
          data={[
            { value: '', label: t('tasks.everybody') },
            { value: me.id, label: t('tasks.mine') },
          ]}
        />
      </Group>
      {status === 'open' ? (
        <OpenTasks tasks={tasks} assignee={whose} empty={empty}>
          <MoreRows query={tasks} />
        </OpenTasks>
      ) : (
        <>
          <Answered query={tasks} saying={t('tasks.failed')}>
            {() => (tasks.rows.length === 0 ? empty : <List rows={tasks.rows} />)}
          </Answered>
          <MoreRows query={tasks} />
        </>
      )}
      <NewTask opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

/** Open tasks by date, and those without one, which a list by date does not have. One outage is said once. */
function OpenTasks({ tasks, assignee, empty, children }: { tasks: Asked & { rows: Task[] }; assignee: string; empty: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  const undated = useUndated(assignee || undefined);
  const isNone = tasks.rows.length + undated.rows.length === 0;
  return (
    <>
      {tasks.rows.length > 0 && <List rows={tasks.rows} title={undated.rows.length > 0 ? t('tasks.dated') : undefined} />}
      {children}
      {undated.rows.length > 0 && <List rows={undated.rows} title={t('tasks.undated')} />}
      <Answered query={together(tasks, undated)} saying={t('tasks.failed')}>{() => isNone && empty}</Answered>
    </>
  );
}

function List({ rows, title }: { rows: readonly Task[]; title?: string | undefined }) {
  return (
    <Section {...(title === undefined ? {} : { title })}>
      <Stack gap="md">
        {rows.map((task) => (
          <TaskLine key={task.id} task={task}>
            <Remove task={task} />
          </TaskLine>
        ))}
      </Stack>
    </Section>
  );
}

function Remove({ task }: { task: Task }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  if (!useMay()('tasks:write')) return null;
  const { id } = task;
  const restore = async () => {
    try {
      await unwrap(api.POST('/api/crm/tasks/{id}/restore', { params: { path: { id } } }));
      await client.invalidateQueries({ queryKey: ['task'] });
    } catch (error) {
      toasts.fail(error);
    }
  };
  const remove = async () => {
    try {
      await unwrap(api.DELETE('/api/crm/tasks/{id}', { params: { path: { id }, header: ifMatch(task.version) } }));
      toasts.show({ text: t('tasks.deleted'), action: { label: t('common.undo'), run: () => void restore() }, stays: 8_000 });
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['task'] });
    }
  };
  return (
    <ActionIcon size={44} variant="subtle" color="red" onClick={() => void remove()} aria-label={t('tasks.deleteOne', { title: task.title })}>
      <IconTrash />
    </ActionIcon>
  );
}

function NewTask({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const members = useMembers();
  const [lead, setLead] = useState<string | null>(null);
  const submit = async (form: FormData) => {
    const body = {
      title: textOf(form, 'title') ?? '',
      body: textOf(form, 'body'),
      due_at: fromInput(textOf(form, 'due_at') ?? ''),
      assignee_id: textOf(form, 'assignee_id'),
      priority: (textOf(form, 'priority') ?? 'normal') as Schemas['Priority'],
      lead_id: lead,
    };
    await unwrap(api.POST('/api/crm/tasks', { body }));
    setLead(null);
    await client.invalidateQueries({ queryKey: ['task'] });
  };
  return (
    <FormModal title={t('tasks.add')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="title" label={t('tasks.title')} error={fieldError('title')} maxLength={200} data-autofocus required />
          <Textarea name="body" label={t('tasks.body')} error={fieldError('body')} rows={2} />
          <MomentField name="due_at" type="datetime-local" label={t('tasks.due')} error={fieldError('due_at')} />
          <NativeSelect name="assignee_id" label={t('leads.assignee')} data={[{ value: '', label: t('leads.nobody') }, ...members.map((member) => ({ value: member.id, label: accountName(member) }))]} />
          <NativeSelect name="priority" label={t('tasks.priority')} defaultValue="normal" data={(['low', 'normal', 'urgent'] as const).map((value) => ({ value, label: t(`tasks.is.${value}`) }))} />
          <LeadPicker name="lead_id" label={t('leads.one')} value={lead} onChange={setLead} />
        </>
      )}
    </FormModal>
  );
}
