import { NativeSelect, Textarea } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { Section } from '@/shared/ui/Page';

import { useSave } from './useSave';

type Settings = Schemas['BusinessSettings'];

const WHEN = ['never', 'always', 'open', 'closed'] as const;

/** Whether a caller whom nobody heard gets a message, and what it says. */
export function MissedCalls({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const may = useMay();
  const save = useSave(settings);
  const reply = settings.missed_call_reply;
  if (!may('business:write')) {
    return (
      <Section title={t('missed.title')}>
        <Facts
          facts={[
            [t('missed.when'), t(`missed.at.${reply}`)],
            [t('missed.text'), settings.missed_call_text],
          ]}
        />
      </Section>
    );
  }
  const submit = async (form: FormData) => {
    const body: Schemas['SettingsPatch'] = {
      missed_call_reply: (textOf(form, 'missed_call_reply') ?? reply) as Schemas['MissedCallReply'],
      missed_call_text: textOf(form, 'missed_call_text'),
    };
    const params = { path: { id: settings.id }, header: ifMatch(settings.version) };
    await save(() => unwrap(api.PATCH('/api/businesses/{id}', { params, body })));
  };
  return (
    <Section title={t('missed.title')}>
      <Form action={t('common.save')} onSubmit={submit}>
        {(fieldError) => (
          <>
            <NativeSelect name="missed_call_reply" label={t('missed.when')} description={t('missed.hint')} defaultValue={reply} data={WHEN.map((value) => ({ value, label: t(`missed.at.${value}`) }))} />
            <Textarea
              name="missed_call_text"
              label={t('missed.text')}
              description={t('missed.textHint')}
              defaultValue={settings.missed_call_text ?? ''}
              error={fieldError('missed_call_text')}
              rows={2}
              maxLength={300}
            />
          </>
        )}
      </Form>
    </Section>
  );
}
