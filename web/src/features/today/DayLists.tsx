import { Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { useUndated } from '@/shared/data/undated';
import { addDays, dayOf, shortTime } from '@/shared/format/when';
import { together } from '@/shared/ui/asked';
import { Words } from '@/shared/ui/Bidi';
import { CallLink, CallState, Caller } from '@/shared/ui/CallRow';
import { LeadLink } from '@/shared/ui/LeadLink';
import { Answered, Section } from '@/shared/ui/Page';
import { PromiseLine } from '@/shared/ui/PromiseLine';
import { TaskLine } from '@/shared/ui/TaskLine';

import classes from './Today.module.css';

/** The day's promises, tasks, calls and appointments. */
export function DayLists() {
  const may = useMay();
  return (
    <div className={classes.grid}>
      {may('calls:read') && <Promises />}
      {may('tasks:read') && <Tasks />}
      {may('calls:read') && <CallsOfToday />}
      {may('tasks:read') && <Appointments />}
    </div>
  );
}

/** The day in the browser's time, as a key that stays the same through the day. */
function today(): string {
  return dayOf(new Date()).toISOString();
}

function CallsOfToday() {
  const { t, i18n } = useTranslation();
  const from = today();
  const calls = useQuery({ queryKey: ['call', 'today', from], queryFn: () => unwrap(api.GET('/api/calls', { params: { query: { from, limit: 50 } } })) });
  const rows = calls.data?.data ?? [];
  return (
    <Section title={t('today.calls')} actions={<Link to="/calls">{t('today.allCalls')}</Link>}>
      <Answered query={calls}>
        {() =>
          rows.length === 0 ? (
            <Text c="dimmed">{t('today.noCalls')}</Text>
          ) : (
            <ul className={classes.list}>
              {rows.map((call) => (
                <li key={call.id} data-testid="today-call" data-call-id={call.id}>
                  <span className={classes.who}>
                    <Caller call={call} /> <CallLink call={call}>{shortTime(call.started_at, i18n.language)}</CallLink>
                  </span>
                  <CallState call={call} />
                  {call.intent && (
                    <span className={classes.about}>
                      <Words>{call.intent}</Words>
                    </span>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Section>
  );
}

function Promises() {
  const { t } = useTranslation();
  const promises = useQuery({
    queryKey: ['promise', 'open'],
    queryFn: () => unwrap(api.GET('/api/crm/promises', { params: { query: { status: 'open', limit: 50 } } })),
  });
  return (
    <Section title={t('promises.title')}>
      <Answered query={promises}>
        {() =>
          promises.data?.data.length ? (
            <Stack gap="sm">
              {promises.data.data.map((promise) => (
                <PromiseLine key={promise.id} promise={promise} to={promise.lead_id && <LeadLink id={promise.lead_id} />}>
                  <Link to="/calls/$id" params={{ id: promise.call_id }}>
                    {t('timeline.openCall')}
                  </Link>
                </PromiseLine>
              ))}
            </Stack>
          ) : (
            <Text c="dimmed">{t('promises.none')}</Text>
          )
        }
      </Answered>
    </Section>
  );
}

function Tasks() {
  const { t } = useTranslation();
  const due_before = addDays(dayOf(new Date()), 1).toISOString();
  const tasks = useQuery({
    queryKey: ['task', 'today', due_before],
    queryFn: () => unwrap(api.GET('/api/crm/tasks', { params: { query: { status: 'open', due_before, sort: 'due', limit: 50 } } })),
  });
  const undated = useUndated();
  const dated = tasks.data?.data ?? [];
  const isNone = dated.length + undated.rows.length === 0;
  return (
    <Section title={t('today.tasks')} actions={<Link to="/tasks">{t('today.allTasks')}</Link>}>
      <TaskLines tasks={dated} />
      {undated.rows.length > 0 && (
        <Title order={3} size="h6">
          {t('tasks.undated')}
        </Title>
      )}
      <TaskLines tasks={undated.rows} />
      <Answered query={together(tasks, undated)} saying={t('tasks.failed')}>{() => isNone && <Text c="dimmed">{t('today.noTasks')}</Text>}</Answered>
    </Section>
  );
}

function TaskLines({ tasks }: { tasks: readonly Schemas['Task'][] }) {
  if (tasks.length === 0) return null;
  return (
    <Stack gap="sm">
      {tasks.map((task) => (
        <TaskLine key={task.id} task={task} />
      ))}
    </Stack>
  );
}

function Appointments() {
  const { t, i18n } = useTranslation();
  const from = today();
  const until = addDays(dayOf(new Date()), 7).toISOString();
  const appointments = useQuery({
    queryKey: ['appointment', 'next', from],
    queryFn: () => unwrap(api.GET('/api/crm/appointments', { params: { query: { from, until, status: 'booked', limit: 20 } } })),
  });
  return (
    <Section title={t('today.appointments')} actions={<Link to="/calendar">{t('nav.calendar')}</Link>}>
      <Answered query={appointments}>
        {() =>
          appointments.data?.data.length ? (
            <ul className={classes.dated}>
              {appointments.data.data.map((appointment) => (
                <li key={appointment.id}>
                  <Words>{appointment.title}</Words>
                  <span className={classes.when}>{shortTime(appointment.starts_at, i18n.language)}</span>
                  {appointment.lead_id && <LeadLink id={appointment.lead_id} />}
                </li>
              ))}
            </ul>
          ) : (
            <Text c="dimmed">{t('today.noAppointments')}</Text>
          )
        }
      </Answered>
    </Section>
  );
}
