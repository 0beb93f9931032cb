import { Button, Checkbox, Group, Modal, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { fromInput, longTime, toInput } from '@/shared/format/when';
import { Ltr } from '@/shared/ui/Bidi';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { Form, textOf } from '@/shared/ui/Form';
import { MomentField } from '@/shared/ui/MomentField';
import { Answered } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';
import { useAct } from '@/shared/ui/useAct';

type Webhook = Schemas['Webhook'];

const TONES: Record<Schemas['DeliveryState'], Tone> = { pending: 'warn', delivered: 'good', dead: 'bad' };
/** How far back one begins to look who comes here because the receiver was out of order. */
const DAY_MS = 86_400_000;

/** What a webhook was sent of late; one of it, or all of a while, can be sent again. */
export function Deliveries({ hook, onClose }: { hook: Webhook; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const act = useAct();
  const deliveries = useQuery({
    queryKey: ['delivery', hook.id],
    queryFn: () => unwrap(api.GET('/api/webhooks/{id}/deliveries', { params: { path: { id: hook.id }, query: { limit: 50 } } })),
  });
  const again = (delivery: string) =>
    void act(['delivery'], () => unwrap(api.POST('/api/webhooks/{id}/deliveries/{delivery}/replay', { params: { path: { id: hook.id, delivery } } })), t('webhooks.again'));
  return (
    <Modal opened onClose={onClose} title={t('webhooks.deliveries')} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
      <Answered query={deliveries}>
        {() => (
          <Stack gap="md">
            <SendAgain hook={hook} />
            {deliveries.data?.data.length === 0 && <Text c="dimmed">{t('webhooks.noDeliveries')}</Text>}
            {deliveries.data?.data.map((delivery) => (
              <Group key={delivery.id} justify="space-between" gap="xs">
                <div>
                  <Ltr>{delivery.kind}</Ltr>
                  <Text size="sm" c="dimmed">
                    {longTime(delivery.created_at, i18n.language)} {delivery.last_status && <Ltr>{delivery.last_status}</Ltr>}
                  </Text>
                </div>
                <Group gap="xs">
                  <Chip tone={TONES[delivery.state]}>{t(`webhooks.state.${delivery.state}`)}</Chip>
                  <Button size="compact-md" variant="default" onClick={() => again(delivery.id)}>
                    {t('webhooks.replay')}
                  </Button>
                </Group>
              </Group>
            ))}
          </Stack>
        )}
      </Answered>
    </Modal>
  );
}

/** The deliveries of a while once more: after the receiver was out of order. */
function SendAgain({ hook }: { hook: Webhook }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { show } = useToasts();
  const [now] = useState(() => new Date());
  const submit = async (form: FormData) => {
    const moment = (name: string) => fromInput(textOf(form, name) ?? '') ?? '';
    const state = form.has('all') ? {} : { state: 'dead' as const };
    const body = { from: moment('from'), until: moment('until'), ...state };
    const { replayed } = await unwrap(api.POST('/api/webhooks/{id}/deliveries/replay', { params: { path: { id: hook.id } }, body }));
    show({ text: t('webhooks.sentAgain', { count: replayed }) });
    await client.invalidateQueries({ queryKey: ['delivery'] });
  };
  return (
    <Form action={t('webhooks.replay')} onSubmit={submit} mark={{ 'data-testid': 'webhook-send-again' }}>
      {(fieldError) => (
        <>
          <Text fw={600}>{t('webhooks.while')}</Text>
          <Group gap="sm" grow>
            <MomentField name="from" type="datetime-local" label={t('webhooks.from')} defaultValue={toInput(new Date(now.getTime() - DAY_MS))} error={fieldError('from')} required />
            {/* To the minute, and what happened in this one is meant as well. */}
            <MomentField name="until" type="datetime-local" label={t('webhooks.until')} defaultValue={toInput(new Date(now.getTime() + 60_000))} error={fieldError('until')} required />
          </Group>
          <Checkbox name="all" label={t('webhooks.alsoDelivered')} />
        </>
      )}
    </Form>
  );
}
