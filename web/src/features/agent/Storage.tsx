import { Progress, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useMay } from '@/shared/data/me';
import { Ltr } from '@/shared/ui/Bidi';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Section } from '@/shared/ui/Page';

import { percentOf } from './cap';
import { readGigabytes, showStored, stateOf, writeGigabytes } from './stored';
import { useSave } from './useSave';

type Settings = Schemas['BusinessSettings'];

const COLORS = { plenty: 'teal', warn: 'yellow', full: 'red' } as const;

/** What files of conversations and recordings take, and how much they may. */
export function Storage({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const mayWrite = useMay()('business:write');
  const { id } = settings;
  const used = useQuery({ queryKey: ['storage', id, settings.version], queryFn: () => unwrap(api.GET('/api/businesses/{id}/storage', { params: { path: { id } } })) });
  return (
    <Section title={t('storage.title')}>
      <Answered query={used}>{() => used.data && <Used used={used.data} />}</Answered>
      {mayWrite && <Limit settings={settings} />}
    </Section>
  );
}

function Used({ used }: { used: Schemas['StorageUse'] }) {
  const { t } = useTranslation();
  const state = stateOf(used.used_bytes, used.limit_bytes);
  return (
    <Stack gap="sm" data-testid="storage-used" data-state={state}>
      <Progress value={percentOf(used.used_bytes, used.limit_bytes)} color={COLORS[state]} aria-label={t('storage.title')} />
      <Text>
        <Ltr>{showStored(used.used_bytes)}</Ltr> {t('storage.of')} <Ltr>{showStored(used.limit_bytes)}</Ltr>. {t(`storage.state.${state}`)}
      </Text>
      <Facts
        facts={[
          [t('storage.files'), <Ltr key="files">{showStored(used.files_bytes)}</Ltr>],
          [t('storage.recordings'), <Ltr key="recordings">{showStored(used.recordings_bytes)}</Ltr>],
        ]}
      />
    </Stack>
  );
}

function Limit({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const save = useSave(settings);
  const submit = async (form: FormData) => {
    const body: Schemas['SettingsPatch'] = { storage_limit_bytes: limitOf(form) };
    const params = { path: { id: settings.id }, header: ifMatch(settings.version) };
    await save(() => unwrap(api.PATCH('/api/businesses/{id}', { params, body })));
  };
  return (
    <Form action={t('common.save')} onSubmit={submit} mark={{ 'data-testid': 'storage-save' }}>
      {(fieldError) => (
        <TextInput
          name="storage_limit_bytes"
          label={t('storage.limit')}
          description={t('storage.hint')}
          defaultValue={writeGigabytes(settings.storage_limit_bytes)}
          error={fieldError('storage_limit_bytes')}
          inputMode="decimal"
          dir="ltr"
          required
        />
      )}
    </Form>
  );
}

/** What somebody typed as a limit; a refusal like the API's own where it is no amount. */
function limitOf(form: FormData): number {
  const limit = readGigabytes(textOf(form, 'storage_limit_bytes'));
  if (limit === undefined) {
    const errors = [{ pointer: '/storage_limit_bytes', detail: 'expected an amount' }];
    throw new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors });
  }
  return limit;
}
