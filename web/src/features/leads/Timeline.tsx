import { Button, Checkbox, Textarea } from '@mantine/core';
import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { type Message, conversationsOf } from '@/shared/data/chat';
import { useMemberName, useStages } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { fromInput, longTime } from '@/shared/format/when';
import { type Asked, together } from '@/shared/ui/asked';
import { Own, Sum } from '@/shared/ui/Bidi';
import { Form, textOf } from '@/shared/ui/Form';
import { MessageBody } from '@/shared/ui/MessageBody';
import { MomentField } from '@/shared/ui/MomentField';
import { Answered, Empty, Section, Unanswered } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { useStageName } from '@/shared/ui/stageName';

import { FAMILIES, type Family, familyOf } from './families';
import classes from './Timeline.module.css';

type Entry = Schemas['TimelineEntry'];

/** What the records behind the entries say, by their ids. */
interface Known {
  notes: Map<string, Schemas['Note']>;
  tasks: Map<string, Schemas['Task']>;
  calls: Map<string, Schemas['Call']>;
  deals: Map<string, Schemas['Deal']>;
  appointments: Map<string, Schemas['Appointment']>;
  payments: Map<string, Schemas['Payment']>;
  messages: Map<string, Message>;
  /** Whether all of them came: an entry whose record did not has no words. */
  asked: Asked;
}

function byId<T extends { id: string }>(rows: readonly T[] | undefined): Map<string, T> {
  return new Map(rows?.map((row) => [row.id, row]));
}

/** The newest records of a lead: what older entries are about is opened from them. */
function useKnown(lead_id: string): Known {
  const may = useMay();
  const query = { lead_id, limit: 200 };
  const params = { query };
  const notes = useQuery({ queryKey: ['note', lead_id], queryFn: () => unwrap(api.GET('/api/crm/notes', { params })) });
  const tasks = useQuery({ queryKey: ['task', 'of', lead_id], queryFn: () => unwrap(api.GET('/api/crm/tasks', { params })), enabled: may('tasks:read') });
  const calls = useQuery({ queryKey: ['call', 'of', lead_id], queryFn: () => unwrap(api.GET('/api/calls', { params })), enabled: may('calls:read') });
  const deals = useQuery({ queryKey: ['deal', 'of', lead_id], queryFn: () => unwrap(api.GET('/api/crm/deals', { params })), enabled: may('deals:read') });
  const appointments = useQuery({
    queryKey: ['appointment', 'of', lead_id],
    queryFn: () => unwrap(api.GET('/api/crm/appointments', { params })),
    enabled: may('tasks:read'),
  });
  const payments = useQuery({ queryKey: ['payment', 'of', lead_id], queryFn: () => unwrap(api.GET('/api/crm/payments', { params })), enabled: may('payments:read') });
  const messages = useMessages(lead_id);
  return {
    notes: byId(notes.data?.data),
    tasks: byId(tasks.data?.data),
    calls: byId(calls.data?.data),
    deals: byId(deals.data?.data),
    appointments: byId(appointments.data?.data),
    payments: byId(payments.data?.data),
    messages: messages.rows,
    asked: together(notes, tasks, calls, deals, appointments, payments, ...messages.asked),
  };
}

/** The newest messages of a lead's conversations. */
function useMessages(lead_id: string): { rows: Map<string, Message>; asked: readonly Asked[] } {
  const mayRead = useMay()('conversations:read');
  const conversations = useQuery({ ...conversationsOf(lead_id), enabled: mayRead });
  const pages = useQueries({
    queries: (conversations.data ?? []).map(({ id }) => ({
      queryKey: ['conversation', 'newest', id],
      queryFn: () => unwrap(api.GET('/api/conversations/{id}/messages', { params: { path: { id }, query: { limit: 200 } } })),
    })),
  });
  return { rows: byId(pages.flatMap((page) => page.data?.data ?? [])), asked: [conversations, ...pages] };
}

/** Everything that happened with a lead, the newest first, and the field to add to it. */
export function Timeline({ leadId }: { leadId: string }) {
  const { t } = useTranslation();
  const [only, setOnly] = useState<Family | null>(null);
  const known = useKnown(leadId);
  const entries = usePages<Entry>(['timeline', leadId], (cursor) =>
    unwrap(api.GET('/api/crm/leads/{id}/timeline', { params: { path: { id: leadId }, query: { cursor, limit: 100 } } })),
  );
  const shown = entries.rows.filter((entry) => only === null || familyOf(entry.kind) === only);
  return (
    <Section title={t('timeline.title')}>
      <Composer leadId={leadId} />
      <div className={classes.families} role="group" aria-label={t('timeline.show')}>
        {([null, ...FAMILIES] as const).map((family) => (
          <Button key={family ?? 'all'} size="compact-md" variant={only === family ? 'filled' : 'default'} aria-pressed={only === family} onClick={() => setOnly(family)}>
            {t(`timeline.family.${family ?? 'all'}`)}
          </Button>
        ))}
      </div>
      <Unanswered query={known.asked} />
      <Answered query={entries}>
        {() =>
          shown.length === 0 ? (
            // Older entries may be of the kind that is asked for.
            !entries.hasNextPage && <Empty text={t('timeline.empty')} />
          ) : (
            <ol className={classes.entries}>
              {shown.map((entry) => (
                <Line key={entry.id} entry={entry} known={known} />
              ))}
            </ol>
          )
        }
      </Answered>
      <MoreRows query={entries} />
    </Section>
  );
}

function Line({ entry, known }: { entry: Entry; known: Known }) {
  const { t, i18n } = useTranslation();
  const memberName = useMemberName();
  const actor = memberName(entry.actor_id) ?? t(`actor.${entry.actor_kind}`, { defaultValue: '' });
  return (
    <li className={classes.entry} data-family={familyOf(entry.kind)}>
      <div className={classes.what}>
        <strong>{titleOf(entry, t)}</strong>
        <span className={classes.when}>
          {longTime(entry.at, i18n.language)}
          {actor && ' · '}
          <Own>{actor}</Own>
        </span>
      </div>
      <Detail entry={entry} known={known} />
    </li>
  );
}

/** What happened, in words; of a message, which way it went. */
function titleOf(entry: Entry, t: TFunction): string {
  const direction = (entry.data as Record<string, unknown>)['direction'];
  if (entry.kind === 'message' && direction === 'outbound') return t('timeline.sent');
  return t(`timeline.kind.${entry.kind}`, { defaultValue: t('audit.other') });
}

function Detail({ entry, known }: { entry: Entry; known: Known }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const stages = useStages();
  const stageName = useStageName();
  const id = entry.ref_id ?? '';
  const data = entry.data as Record<string, unknown>;
  switch (entry.kind) {
    case 'note.added':
      return <Said text={known.notes.get(id)?.body} />;
    case 'task.created':
    case 'task.done':
    case 'task.cancelled':
      return <Said text={known.tasks.get(id)?.title} />;
    case 'call.started':
    case 'call.ended':
    case 'call.summarized':
    case 'call.voicemail':
      return (
        <>
          {entry.kind === 'call.voicemail' && <Voicemail callId={id} line={data['line']} />}
          {entry.kind === 'call.summarized' && <Said text={known.calls.get(id)?.summary} />}
          {id && (
            <Link to="/calls/$id" params={{ id }}>
              {t('timeline.openCall')}
            </Link>
          )}
        </>
      );
    case 'message': {
      const message = known.messages.get(id);
      const c = typeof data['conversation_id'] === 'string' ? data['conversation_id'] : undefined;
      return (
        <>
          {message && <MessageBody message={message} />}
          {c !== undefined && may('conversations:read') && (
            <Link to="/inbox" search={{ c }}>
              {t('timeline.openConversation')}
            </Link>
          )}
        </>
      );
    }
    case 'deal.created':
    case 'deal.stage_changed': {
      const deal = known.deals.get(id);
      return deal ? (
        <p>
          <Own>{deal.title}</Own> · <Sum money={deal.value} />
        </p>
      ) : null;
    }
    case 'payment.requested':
    case 'payment.received':
    case 'payment.refunded': {
      const payment = known.payments.get(id);
      return payment ? (
        <p>
          <Sum money={payment.value} />
          {payment.description && ' · '}
          <Own>{payment.description}</Own>
        </p>
      ) : null;
    }
    case 'appointment.booked':
    case 'appointment.moved':
    case 'appointment.cancelled': {
      const appointment = known.appointments.get(id);
      return appointment ? (
        <p>
          <Own>{appointment.title}</Own> · {longTime(appointment.starts_at, i18n.language)}
        </p>
      ) : null;
    }
    case 'lead.stage_changed': {
      const to = stages.find((stage) => stage.id === data['to']);
      return to ? <p>{stageName(to.name)}</p> : null;
    }
    default:
      return null;
  }
}

/** What somebody wrote or said. It runs in its own direction, and begins where its heading does. */
function Said({ text }: { text: string | null | undefined }) {
  return text ? (
    <p>
      <Own>{text}</Own>
    </p>
  ) : null;
}

/** The words of a message that was left; they stand in the call's transcript, as long as the business keeps it. */
function Voicemail({ callId, line }: { callId: string; line: unknown }) {
  const may = useMay();
  const transcript = useQuery({
    queryKey: ['call', 'transcript', callId],
    queryFn: () => unwrap(api.GET('/api/calls/{id}/transcript', { params: { path: { id: callId } } })),
    enabled: typeof line === 'number' && may('calls:read'),
  });
  return <Said text={transcript.data?.data.find(({ seq }) => seq === line)?.text} />;
}

/** A note, or a task with a date, written where one reads. */
function Composer({ leadId }: { leadId: string }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay();
  const [asTask, setAsTask] = useState(false);
  const [written, setWritten] = useState(0);
  if (!may('leads:write')) return null;
  const submit = async (form: FormData) => {
    const text = textOf(form, 'text') ?? '';
    if (asTask) {
      const [title, ...rest] = text.split('\n');
      const due_at = fromInput(textOf(form, 'due') ?? '');
      await unwrap(api.POST('/api/crm/tasks', { body: { title: title ?? '', body: rest.join('\n').trim() || null, lead_id: leadId, due_at } }));
    } else {
      await unwrap(api.POST('/api/crm/notes', { body: { lead_id: leadId, body: text } }));
    }
    setWritten(written + 1);
    await Promise.all(['note', 'task', 'timeline'].map((key) => client.invalidateQueries({ queryKey: [key] })));
  };
  return (
    <div className={classes.composer}>
      <Form key={written} action={t(asTask ? 'timeline.addTask' : 'timeline.addNote')} onSubmit={submit}>
        {(fieldError) => (
          <>
            <Textarea name="text" aria-label={t('timeline.write')} placeholder={t('timeline.write')} error={fieldError('body') ?? fieldError('title')} rows={2} required />
            {may('tasks:write') && <Checkbox label={t('timeline.asTask')} checked={asTask} onChange={(event) => setAsTask(event.currentTarget.checked)} />}
            {asTask && <MomentField name="due" type="datetime-local" label={t('tasks.due')} />}
          </>
        )}
      </Form>
    </div>
  );
}
