import { Button, Group, PasswordInput, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { Ltr } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';

/** The token to a number at Meta is a business's own: the installation has none to lend. */
const NEVER_SHARED = 'whatsapp_cloud_token';

/** The business's own accounts at Twilio, OpenAI and Meta. Without the first two the installation's are used. */
export function Secrets() {
  const { t } = useTranslation();
  const state = useQuery({ queryKey: ['secret'], queryFn: () => unwrap(api.GET('/api/business/secrets')) });
  const [setting, setSetting] = useState<string | null>(null);
  const [clearing, setClearing] = useState<string | null>(null);
  const [naming, setNaming] = useState(false);
  const setSecret = async (form: FormData) => {
    await unwrap(api.PUT('/api/business/secrets/{name}', { params: { path: { name: setting ?? '' } }, body: { value: (form.get('value') as string | null) ?? '' } }));
    await state.refetch();
  };
  const setAccount = async (form: FormData) => {
    await unwrap(api.PATCH('/api/business/secrets', { body: { twilio_account_sid: textOf(form, 'sid') } }));
    await state.refetch();
  };
  const clear = async () => {
    await unwrap(api.DELETE('/api/business/secrets/{name}', { params: { path: { name: clearing ?? '' } } }));
    await state.refetch();
  };
  const account = state.data?.twilio_account_sid;
  const change = (isSet: boolean, ask: () => void) => (
    <Button size="compact-md" variant="default" flex="none" onClick={ask}>
      {t(isSet ? 'common.change' : 'secrets.set')}
    </Button>
  );
  return (
    <Section title={t('secrets.title')}>
      <Text c="dimmed">{t('secrets.hint')}</Text>
      <Answered query={state}>
        {() => (
          <>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Group gap="xs">
                {t('secrets.account')}
                <Chip tone={account ? 'good' : 'quiet'}>{account ? <Ltr>{account}</Ltr> : t('secrets.installation')}</Chip>
              </Group>
              {change(Boolean(account), () => setNaming(true))}
            </Group>
            {state.data?.secrets.map(({ name, is_set, last_four }) => (
              <Group key={name} justify="space-between" gap="xs" wrap="nowrap">
                <Group gap="xs">
                  {t(`secrets.name.${name}`, { defaultValue: name })}
                  <Chip tone={is_set ? 'good' : 'quiet'}>{is_set ? <Ltr>{`…${last_four ?? ''}`}</Ltr> : t(name === NEVER_SHARED ? 'secrets.none' : 'secrets.installation')}</Chip>
                </Group>
                <Group gap="xs" justify="flex-end">
                  {change(is_set, () => setSetting(name))}
                  {is_set && (
                    <Button size="compact-md" variant="subtle" color="red" data-testid="secret-remove" onClick={() => setClearing(name)}>
                      {t('common.remove')}
                    </Button>
                  )}
                </Group>
              </Group>
            ))}
          </>
        )}
      </Answered>
      <FormModal title={t(`secrets.name.${setting ?? 'twilio_auth_token'}`, { defaultValue: setting ?? '' })} opened={setting !== null} onClose={() => setSetting(null)} onSubmit={setSecret}>
        {(fieldError) => <PasswordInput name="value" label={t('secrets.value')} error={fieldError('value')} autoComplete="off" maxLength={512} data-autofocus required visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }} />}
      </FormModal>
      <FormModal title={t('secrets.removeTitle')} action={t('common.remove')} danger opened={clearing !== null} onClose={() => setClearing(null)} onSubmit={clear} mark={{ 'data-testid': 'secret-remove-confirm' }}>
        <Text>{clearing !== null && t(`secrets.name.${clearing}`, { defaultValue: clearing })}</Text>
        <Text c="dimmed">{t(clearing === NEVER_SHARED ? 'secrets.removeHintOwn' : 'secrets.removeHint')}</Text>
      </FormModal>
      <FormModal title={t('secrets.account')} opened={naming} onClose={() => setNaming(false)} onSubmit={setAccount}>
        {(fieldError) => <TextInput name="sid" dir="ltr" label={t('secrets.account')} description={t('secrets.accountHint')} defaultValue={account ?? ''} placeholder="AC…" error={fieldError('twilio_account_sid')} data-autofocus />}
      </FormModal>
    </Section>
  );
}
