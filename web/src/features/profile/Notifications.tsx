import { Switch, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '@/api/problem';
import { useMe } from '@/shared/data/me';
import { lookAtPush, switchPushOff, switchPushOn } from '@/shared/data/push';
import { identityOf } from '@/shared/data/session';
import { Section } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

/** Whether this device tells of missed and urgent calls. */
export function Notifications() {
  const { t } = useTranslation();
  const who = identityOf(useMe());
  const client = useQueryClient();
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const { data: state } = useQuery({ queryKey: ['push', who], queryFn: () => lookAtPush(who) });
  const flip = async (on: boolean) => {
    setBusy(true);
    try {
      client.setQueryData(['push', who], await (on ? switchPushOn(who) : switchPushOff(who)));
    } catch (error) {
      // What the browser says of its push service is for nobody.
      if (error instanceof ApiError) toasts.fail(error);
      else toasts.show({ text: t('profile.push.failed'), tone: 'bad' });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title={t('profile.push.title')}>
      <Switch
        label={t('profile.push.switch')}
        size="md"
        checked={state === 'on'}
        disabled={busy || (state !== 'on' && state !== 'off')}
        onChange={(event) => void flip(event.currentTarget.checked)}
        withThumbIndicator={false}
        data-testid="push-switch"
      />
      {state !== undefined && (
        <Text c="dimmed" role="status" data-testid="push-state" data-state={state}>
          {t(`profile.push.${state}`)}
        </Text>
      )}
    </Section>
  );
}
