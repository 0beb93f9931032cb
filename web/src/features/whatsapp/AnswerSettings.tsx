import { NativeSelect, Switch, TextInput, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useMay } from '@/shared/data/me';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Section } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

import classes from './WhatsApp.module.css';

type Settings = Schemas['WhatsAppSettings'];

const KEY = ['whatsapp', 'settings'];
const HOURS = ['always', 'open', 'closed'] as const;
const STRANGERS = ['never', 'asked'] as const;

/** How the agent answers on WhatsApp. */
export function AnswerSettings() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const settings = useQuery({ queryKey: KEY, queryFn: () => unwrap(api.GET('/api/wa/settings')) });
  return (
    <Section title={t('wa.settings')}>
      <Answered query={settings}>
        {() => settings.data && (mayManage ? <Change key={settings.data.version} settings={settings.data} /> : <Shown settings={settings.data} />)}
      </Answered>
    </Section>
  );
}

function Shown({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  return (
    <Facts
      facts={[
        [t('wa.answers'), t(settings.answers ? 'common.yes' : 'common.no')],
        [t('wa.hours'), t(`wa.hour.${settings.answer_hours}`)],
        [t('wa.most'), String(settings.max_answers_a_day)],
        [t('wa.instructions'), settings.instructions],
        [t('wa.strangers'), t(`wa.stranger.${settings.strangers}`)],
        [t('wa.receipts'), t(settings.read_receipts ? 'common.yes' : 'common.no')],
      ]}
    />
  );
}

function Change({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const submit = async (form: FormData) => {
    const body: Schemas['WaSettingsPatch'] = {
      answers: form.get('answers') !== null,
      answer_hours: (textOf(form, 'answer_hours') ?? settings.answer_hours) as Schemas['AnswerHours'],
      max_answers_a_day: Number(textOf(form, 'max_answers_a_day')),
      instructions: textOf(form, 'instructions'),
      strangers: (textOf(form, 'strangers') ?? settings.strangers) as Schemas['Strangers'],
      read_receipts: form.get('read_receipts') !== null,
    };
    try {
      const saved = await unwrap(api.PATCH('/api/wa/settings', { params: { header: ifMatch(settings.version) }, body }));
      client.setQueryData(KEY, saved);
      toasts.show({ text: t('common.saved') });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'version-conflict') throw error;
      // The form begins anew with what somebody else saved: it is said where that does not take it away.
      toasts.fail(error);
      await client.invalidateQueries({ queryKey: KEY });
    }
  };
  return (
    <Form action={t('common.save')} onSubmit={submit} mark={{ 'data-testid': 'wa-settings-save' }}>
      {(fieldError) => (
        <>
          <Switch name="answers" label={t('wa.answers')} size="md" defaultChecked={settings.answers} withThumbIndicator={false} />
          <div className={classes.two}>
            <NativeSelect name="answer_hours" label={t('wa.hours')} defaultValue={settings.answer_hours} data={HOURS.map((value) => ({ value, label: t(`wa.hour.${value}`) }))} />
            <TextInput
              name="max_answers_a_day"
              type="number"
              inputMode="numeric"
              min={1}
              max={200}
              required
              label={t('wa.most')}
              description={t('wa.mostHint')}
              defaultValue={settings.max_answers_a_day}
              error={fieldError('max_answers_a_day')}
            />
          </div>
          <Textarea name="instructions" label={t('wa.instructions')} description={t('wa.instructionsHint')} defaultValue={settings.instructions ?? ''} error={fieldError('instructions')} rows={3} maxLength={5000} />
          <NativeSelect name="strangers" label={t('wa.strangers')} defaultValue={settings.strangers} data={STRANGERS.map((value) => ({ value, label: t(`wa.stranger.${value}`) }))} />
          <Switch name="read_receipts" label={t('wa.receipts')} size="md" defaultChecked={settings.read_receipts} withThumbIndicator={false} />
        </>
      )}
    </Form>
  );
}
