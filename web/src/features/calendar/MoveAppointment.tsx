import { NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { fromInput, toInput } from '@/shared/format/when';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { MomentField } from '@/shared/ui/MomentField';

const MINUTE_MS = 60_000;
const LENGTHS = [15, 30, 45, 60, 90, 120];

/** Gives an appointment another time or place. */
export function MoveAppointment({ appointment, opened, onClose }: { appointment: Schemas['Appointment']; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const length = Math.round((Date.parse(appointment.ends_at) - Date.parse(appointment.starts_at)) / MINUTE_MS);
  const lengths = [...new Set([...LENGTHS, length])].sort((a, b) => a - b).map(String);
  const submit = async (form: FormData) => {
    const starts_at = fromInput(textOf(form, 'starts_at') ?? '') ?? '';
    const ends_at = new Date(Date.parse(starts_at) + Number(textOf(form, 'minutes')) * MINUTE_MS).toISOString();
    const params = { path: { id: appointment.id }, header: ifMatch(appointment.version) };
    await unwrap(api.PATCH('/api/crm/appointments/{id}', { params, body: { title: textOf(form, 'title') ?? '', starts_at, ends_at, place: textOf(form, 'place') } }));
    await client.invalidateQueries({ queryKey: ['appointment'] });
  };
  return (
    <FormModal title={t('calendar.move')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <TextInput name="title" label={t('tasks.title')} defaultValue={appointment.title} error={fieldError('title')} maxLength={200} required />
          <MomentField name="starts_at" type="datetime-local" label={t('calendar.begins')} defaultValue={toInput(new Date(appointment.starts_at))} error={fieldError('starts_at')} required />
          <NativeSelect name="minutes" label={t('calendar.minutes')} defaultValue={String(length)} data={lengths} />
          <TextInput name="place" label={t('calendar.place')} defaultValue={appointment.place} error={fieldError('place')} />
        </>
      )}
    </FormModal>
  );
}
