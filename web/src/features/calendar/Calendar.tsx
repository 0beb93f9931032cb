import { ActionIcon, Button, Group, Menu, NativeSelect, Text, TextInput, Textarea, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { accountName, useMembers } from '@/shared/data/lists';
import { useBusinessId, useMay } from '@/shared/data/me';
import { addDays, clockTime, dayAndMonth, dayOf, fromInput, toInput, weekOf, weekday } from '@/shared/format/when';
import { Own, Turned, Words } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadLink } from '@/shared/ui/LeadLink';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { MomentField } from '@/shared/ui/MomentField';
import { Answered, Page, Unanswered } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';
import { IconBack, IconForward, IconPlus } from '@/shared/ui/icons';

import classes from './Calendar.module.css';
import { MoveAppointment } from './MoveAppointment';
import { isoDate, onDay } from './days';

type Appointment = Schemas['Appointment'];

/** The appointments of a week, which begins on Sunday. Friday, Saturday and the business's own days are shaded. */
export function Calendar() {
  const { t } = useTranslation();
  const may = useMay();
  const business = useBusinessId();
  const [week, setWeek] = useState(() => weekOf(new Date()));
  const [adding, setAdding] = useState<Date | null>(null);
  const from = week.toISOString();
  const until = addDays(week, 7).toISOString();
  const appointments = useQuery({
    queryKey: ['appointment', 'week', from],
    queryFn: () => unwrap(api.GET('/api/crm/appointments', { params: { query: { from, until, limit: 200 } } })),
  });
  const special = useQuery({
    queryKey: ['holiday', business],
    queryFn: () => unwrap(api.GET('/api/businesses/{id}/holidays', { params: { path: { id: business } } })),
    enabled: may('business:read'),
  });
  const rows = appointments.data?.data ?? [];
  const days = [0, 1, 2, 3, 4, 5, 6].map((offset) => addDays(week, offset));
  return (
    <Page
      title={t('nav.calendar')}
      actions={
        may('tasks:write') && (
          <Button leftSection={<IconPlus />} onClick={() => setAdding(new Date())}>
            {t('calendar.add')}
          </Button>
        )
      }
    >
      <Weeks week={week} onWeek={setWeek} />
      <Unanswered query={special} />
      <Answered query={appointments}>
        {() => (
          <>
            {rows.length === 0 && <Text c="dimmed">{t('calendar.empty')}</Text>}
            <div className={classes.week}>
              {days.map((day) => (
                <Day key={day.toISOString()} day={day} holiday={special.data?.data.find((one) => one.date === isoDate(day))?.name} appointments={onDay(rows, day)} />
              ))}
            </div>
          </>
        )}
      </Answered>
      <NewAppointment key={adding?.getTime() ?? 0} at={adding} onClose={() => setAdding(null)} />
    </Page>
  );
}

/** Goes from week to week. */
function Weeks({ week, onWeek }: { week: Date; onWeek: (week: Date) => void }) {
  const { t } = useTranslation();
  return (
    <Group gap="xs">
      <ActionIcon size={42} variant="default" aria-label={t('calendar.before')} onClick={() => onWeek(addDays(week, -7))}>
        <Turned>
          <IconBack />
        </Turned>
      </ActionIcon>
      <Button variant="default" onClick={() => onWeek(weekOf(new Date()))}>
        {t('calendar.thisWeek')}
      </Button>
      <ActionIcon size={42} variant="default" aria-label={t('calendar.after')} onClick={() => onWeek(addDays(week, 7))}>
        <Turned>
          <IconForward />
        </Turned>
      </ActionIcon>
    </Group>
  );
}

function Day({ day, holiday, appointments }: { day: Date; holiday: string | undefined; appointments: Appointment[] }) {
  const { i18n } = useTranslation();
  return (
    <section className={classes.day} data-rest={day.getDay() >= 5 || holiday !== undefined} data-today={dayOf(new Date()).getTime() === day.getTime()}>
      <Title order={2} size="h6" className={classes.dayName}>
        <span>{weekday(day, i18n.language)}</span> <span className={classes.date}>{dayAndMonth(day, i18n.language)}</span>
      </Title>
      {holiday && (
        <Chip tone="warn">
          <Own>{holiday}</Own>
        </Chip>
      )}
      {appointments.map((appointment) => (
        <Entry key={appointment.id} appointment={appointment} />
      ))}
    </section>
  );
}

function Entry({ appointment }: { appointment: Appointment }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const toasts = useToasts();
  const [moving, setMoving] = useState(false);
  const change = async (status: Schemas['AppointmentStatus']) => {
    try {
      const params = { path: { id: appointment.id }, header: ifMatch(appointment.version) };
      await unwrap(api.PATCH('/api/crm/appointments/{id}', { params, body: { status } }));
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['appointment'] });
    }
  };
  return (
    <article className={classes.entry} data-status={appointment.status} data-testid="appointment">
      <Text size="sm" c="dimmed">
        <bdi dir="ltr">
          {clockTime(appointment.starts_at, i18n.language)}–{clockTime(appointment.ends_at, i18n.language)}
        </bdi>
      </Text>
      <strong>
        <Words>{appointment.title}</Words>
      </strong>
      {appointment.place && <Words>{appointment.place}</Words>}
      {appointment.lead_id && <LeadLink id={appointment.lead_id} />}
      {appointment.status !== 'booked' && <Chip>{t(`calendar.status.${appointment.status}`)}</Chip>}
      {appointment.status === 'booked' && may('tasks:write') && (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button size="compact-md" variant="default" aria-label={t('calendar.actionsOf', { title: appointment.title })}>
              {t('common.actions')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setMoving(true)}>{t('calendar.move')}</Menu.Item>
            <Menu.Item onClick={() => void change('done')}>{t('calendar.status.done')}</Menu.Item>
            <Menu.Item onClick={() => void change('no_show')}>{t('calendar.status.no_show')}</Menu.Item>
            <Menu.Item onClick={() => void change('cancelled')}>{t('calendar.cancel')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <MoveAppointment appointment={appointment} opened={moving} onClose={() => setMoving(false)} />
    </article>
  );
}

function NewAppointment({ at, onClose }: { at: Date | null; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const members = useMembers();
  const [lead, setLead] = useState<string | null>(null);
  const begin = new Date(at ?? 0);
  begin.setMinutes(0, 0, 0);
  begin.setHours(begin.getHours() + 1);
  const submit = async (form: FormData) => {
    const starts_at = fromInput(textOf(form, 'starts_at') ?? '') ?? '';
    const minutes = Number(textOf(form, 'minutes') ?? '60');
    const ends_at = new Date(Date.parse(starts_at) + minutes * 60_000).toISOString();
    const body = { title: textOf(form, 'title') ?? '', starts_at, ends_at, place: textOf(form, 'place'), notes: textOf(form, 'notes'), assignee_id: textOf(form, 'assignee_id'), lead_id: lead };
    await unwrap(api.POST('/api/crm/appointments', { body }));
    await client.invalidateQueries({ queryKey: ['appointment'] });
  };
  return (
    <FormModal title={t('calendar.add')} opened={at !== null} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="title" label={t('tasks.title')} error={fieldError('title')} maxLength={200} data-autofocus required />
          <MomentField name="starts_at" type="datetime-local" label={t('calendar.begins')} defaultValue={toInput(begin)} error={fieldError('starts_at')} required />
          <NativeSelect name="minutes" label={t('calendar.minutes')} defaultValue="60" data={['15', '30', '45', '60', '90', '120']} />
          <TextInput name="place" label={t('calendar.place')} error={fieldError('place')} />
          <NativeSelect name="assignee_id" label={t('leads.assignee')} data={[{ value: '', label: t('leads.nobody') }, ...members.map((member) => ({ value: member.id, label: accountName(member) }))]} />
          <LeadPicker name="lead_id" label={t('leads.one')} value={lead} onChange={setLead} />
          <Textarea name="notes" label={t('leads.notes')} error={fieldError('notes')} rows={2} />
        </>
      )}
    </FormModal>
  );
}
