import { Button, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useBusinessId, useMay } from '@/shared/data/me';
import { dayName } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { MomentField } from '@/shared/ui/MomentField';
import { Answered, Section } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import { Line, Lines } from './Lines';
import { Ranges, RangesHint } from './Ranges';
import { readRanges } from './week';

/** The days on which the business keeps other hours than its week says, or none. */
export function Holidays() {
  const { t, i18n } = useTranslation();
  const id = useBusinessId();
  const mayManage = useMay()('business:manage');
  const act = useAct();
  const [adding, setAdding] = useState(false);
  const days = useQuery({ queryKey: ['holiday', id], queryFn: () => unwrap(api.GET('/api/businesses/{id}/holidays', { params: { path: { id } } })) });
  const submit = async (form: FormData) => {
    const open = readRanges(textOf(form, 'open') ?? '');
    if (open === null) throw new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors: [{ pointer: '/open', detail: 'expected times' }] });
    const body = { date: textOf(form, 'date') ?? '', name: textOf(form, 'name') ?? '', open };
    await unwrap(api.POST('/api/businesses/{id}/holidays', { params: { path: { id } }, body }));
    await days.refetch();
  };
  const remove = (holiday_id: string, version: number) =>
    void act(['holiday'], () => unwrap(api.DELETE('/api/businesses/{id}/holidays/{holiday_id}', { params: { path: { id, holiday_id }, header: ifMatch(version) } })));
  return (
    <Section title={t('holidays.title')} actions={mayManage && <Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Answered query={days}>
        {() => (
          <>
            {days.data?.data.length === 0 && <Text c="dimmed">{t('holidays.none')}</Text>}
            <Lines>
              {days.data?.data.map((day) => (
                <Line
                  key={day.id}
                  actions={
                    <>
                      {day.open?.length ? <Ranges ranges={day.open} /> : <Chip>{t('agent.closed')}</Chip>}
                      {mayManage && (
                        <Button size="compact-md" variant="subtle" color="red" onClick={() => remove(day.id, day.version)} aria-label={t('lists.remove', { name: day.name })}>
                          {t('common.remove')}
                        </Button>
                      )}
                    </>
                  }
                >
                  <div>
                    <Own>{day.name}</Own>
                  </div>
                  <Text c="dimmed">{dayName(new Date(`${day.date}T12:00:00`), i18n.language)}</Text>
                </Line>
              ))}
            </Lines>
          </>
        )}
      </Answered>
      <FormModal title={t('holidays.add')} opened={adding} onClose={() => setAdding(false)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <MomentField name="date" type="date" label={t('holidays.date')} error={fieldError('date')} data-autofocus required />
            <TextInput name="name" label={t('holidays.name')} placeholder={t('holidays.example')} error={fieldError('name')} maxLength={100} required />
            <TextInput name="open" label={t('agent.hours')} description={<RangesHint />} placeholder={t('agent.closed')} error={fieldError('open')} dir="ltr" />
          </>
        )}
      </FormModal>
    </Section>
  );
}
