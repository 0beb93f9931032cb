import { Checkbox, NativeSelect, Stack, Switch, TextInput, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useBusinessId, useMay } from '@/shared/data/me';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Page, Section } from '@/shared/ui/Page';

import { Blocks } from './Blocks';
import { Budget } from './Budget';
import { Holidays } from './Holidays';
import { Hours } from './Hours';
import { KnowledgeList } from './KnowledgeList';
import { MissedCalls } from './MissedCalls';
import { shown } from './shown';
import { Storage } from './Storage';
import { Transfers } from './Transfers';
import { TryAgent } from './TryAgent';
import { useSave } from './useSave';
import { voiceChoices } from './voices';

type Settings = Schemas['BusinessSettings'];

const TOOLS = ['check_availability', 'book_appointment', 'create_task', 'take_message', 'look_up_knowledge', 'send_whatsapp'] as const;

/** How the agent answers: what it says, knows and may do, when, and whom it connects to. */
export function Agent() {
  const { t } = useTranslation();
  const id = useBusinessId();
  const settings = useQuery({ queryKey: ['business', id], queryFn: () => unwrap(api.GET('/api/businesses/{id}', { params: { path: { id } } })) });
  return (
    <Page title={t('nav.agent')}>
      <TryAgent />
      <Answered query={settings}>
        {() =>
          settings.data && (
            <>
              <Voice key={`voice-${shown.voice(settings.data)}`} settings={settings.data} />
              <Hours key={`hours-${shown.hours(settings.data)}`} settings={settings.data} />
              <Holidays />
              <MissedCalls key={`missed-${shown.missed(settings.data)}`} settings={settings.data} />
              <Budget key={`budget-${shown.budget(settings.data)}`} settings={settings.data} />
              <Storage key={`storage-${shown.storage(settings.data)}`} settings={settings.data} />
              <Transfers />
              <KnowledgeList />
              <Blocks />
            </>
          )
        }
      </Answered>
    </Page>
  );
}

function Voice({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const may = useMay();
  const save = useSave(settings);
  const { voice } = settings;
  if (!may('business:write')) {
    return (
      <Section title={t('agent.voice')}>
        <Facts
          facts={[
            [t('agent.name'), settings.name],
            [t('agent.greeting'), voice.greeting],
            [t('agent.instructions'), voice.instructions],
          ]}
        />
      </Section>
    );
  }
  const submit = async (form: FormData) => {
    const body: Schemas['SettingsPatch'] = {
      name: textOf(form, 'name') ?? '',
      greeting: textOf(form, 'greeting') ?? '',
      instructions: textOf(form, 'instructions') ?? '',
      voice: textOf(form, 'voice') ?? voice.voice,
      tools: TOOLS.filter((tool) => form.getAll('tools').includes(tool)),
      record_calls: form.get('record_calls') !== null,
      announcement: textOf(form, 'announcement'),
    };
    const params = { path: { id: settings.id }, header: ifMatch(settings.version) };
    await save(() => unwrap(api.PATCH('/api/businesses/{id}', { params, body })));
  };
  return (
    <Section title={t('agent.voice')}>
      <Form action={t('common.save')} onSubmit={submit}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('agent.name')} defaultValue={settings.name} error={fieldError('name')} maxLength={200} required />
            <Textarea name="greeting" label={t('agent.greeting')} defaultValue={voice.greeting} error={fieldError('greeting')} rows={2} />
            <Textarea name="instructions" label={t('agent.instructions')} description={t('agent.instructionsHint')} defaultValue={voice.instructions} error={fieldError('instructions')} rows={8} />
            <NativeSelect name="voice" label={t('agent.voiceName')} defaultValue={voice.voice} error={fieldError('voice')} data={voiceChoices(voice.voice, (one) => t(`agent.voices.${one}`))} />
            <fieldset>
              <legend>{t('agent.tools')}</legend>
              <Stack gap="xs">
                {TOOLS.map((tool) => (
                  <Checkbox key={tool} size="md" name="tools" value={tool} label={t(`agent.tool.${tool}`)} defaultChecked={settings.tools.includes(tool)} />
                ))}
              </Stack>
            </fieldset>
            <Switch name="record_calls" size="md" label={t('agent.record')} defaultChecked={settings.record_calls} withThumbIndicator={false} />
            <Textarea name="announcement" label={t('agent.announcement')} defaultValue={settings.announcement ?? ''} error={fieldError('announcement')} rows={2} />
          </>
        )}
      </Form>
    </Section>
  );
}
