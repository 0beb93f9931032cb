import { Checkbox, Stack, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useMay } from '@/shared/data/me';
import { Form, textOf } from '@/shared/ui/Form';
import { Section } from '@/shared/ui/Page';

import { Ranges, RangesHint } from './Ranges';
import { useSave } from './useSave';
import { DAYS, readRanges, writeRanges } from './week';

/** When the business is open. */
export function Hours({ settings }: { settings: Schemas['BusinessSettings'] }) {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const save = useSave(settings);
  const { hours } = settings;
  const submit = async (form: FormData) => {
    const week: Partial<Schemas['Week']> = {};
    for (const day of DAYS) {
      const ranges = readRanges(textOf(form, day) ?? '');
      if (ranges === null) {
        throw new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors: [{ pointer: `/${day}`, detail: 'expected times' }] });
      }
      week[day] = ranges;
    }
    const holiday_calendar = form.get('holidays') === null ? ('none' as const) : ('israel' as const);
    const rest = { ...hours.rest, shabbat: form.get('shabbat') !== null };
    const body = { hours: { ...hours, week: week as Schemas['Week'], rest, holiday_calendar } };
    const params = { path: { id: settings.id }, header: ifMatch(settings.version) };
    await save(() => unwrap(api.PATCH('/api/businesses/{id}/hours', { params, body })));
  };
  if (!mayManage) {
    return (
      <Section title={t('agent.hours')}>
        {DAYS.map((day) => (
          <Text key={day}>
            {t(`agent.day.${day}`)}: {hours.week?.[day]?.length ? <Ranges ranges={hours.week[day]} /> : t('agent.closed')}
          </Text>
        ))}
      </Section>
    );
  }
  return (
    <Section title={t('agent.hours')}>
      <Text c="dimmed">
        <RangesHint />
      </Text>
      <Form action={t('common.save')} onSubmit={submit}>
        {(fieldError) => (
          <>
            {DAYS.map((day) => (
              <TextInput key={day} name={day} label={t(`agent.day.${day}`)} placeholder={t('agent.closed')} defaultValue={writeRanges(hours.week?.[day])} error={fieldError(day)} dir="ltr" />
            ))}
            <Stack gap="xs">
              <Checkbox size="md" name="shabbat" label={t('agent.shabbat')} defaultChecked={hours.rest?.shabbat ?? false} />
              <Checkbox size="md" name="holidays" label={t('agent.holidays')} defaultChecked={hours.holiday_calendar === 'israel'} />
            </Stack>
          </>
        )}
      </Form>
    </Section>
  );
}
