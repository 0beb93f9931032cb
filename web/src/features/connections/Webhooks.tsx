import { Button, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { Ltr } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';
import { useAct } from '@/shared/ui/useAct';

import { Deliveries } from './Deliveries';
import { Secret } from './Secret';

type Webhook = Schemas['Webhook'];

/** Where other programs, such as n8n, are told what happens. */
export function Webhooks() {
  const { t } = useTranslation();
  const act = useAct();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [shown, setShown] = useState<Webhook | null>(null);
  const [removing, setRemoving] = useState<Webhook | null>(null);
  const hooks = useQuery({ queryKey: ['webhook'], queryFn: () => unwrap(api.GET('/api/webhooks', { params: { query: { limit: 100 } } })) });
  const submit = async (form: FormData) => {
    const events = (textOf(form, 'events') ?? '').split(/[\s,]+/).filter((kind) => kind !== '');
    setSecret((await unwrap(api.POST('/api/webhooks', { body: { url: textOf(form, 'url') ?? '', events } }))).secret);
    await hooks.refetch();
  };
  const path = (hook: Webhook) => ({ params: { path: { id: hook.id }, header: ifMatch(hook.version) } });
  const turn = (hook: Webhook) => void act(['webhook'], () => unwrap(api.PATCH('/api/webhooks/{id}', { ...path(hook), body: { active: !hook.active } })));
  const remove = async () => {
    if (removing === null) return;
    try {
      await unwrap(api.DELETE('/api/webhooks/{id}', path(removing)));
    } finally {
      await hooks.refetch();
    }
  };
  const test = (hook: Webhook) => void act(['delivery'], () => unwrap(api.POST('/api/webhooks/{id}/test', { params: { path: { id: hook.id } } })), t('webhooks.tested'));
  return (
    <Section title={t('webhooks.title')} actions={<Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Text c="dimmed">{t('webhooks.hint')}</Text>
      <Answered query={hooks}>
        {() =>
          hooks.data?.data.length ? (
            <Records
              label={t('webhooks.title')}
              rows={hooks.data.data}
              idOf={(hook) => hook.id}
              columns={[
                { key: 'url', title: t('webhooks.url'), cell: (hook) => <Ltr>{hook.url}</Ltr>, isLong: true },
                { key: 'state', title: t('tasks.status'), cell: (hook) => <Chip tone={hook.active ? 'good' : 'quiet'}>{t(hook.active ? 'webhooks.on' : 'webhooks.off')}</Chip> },
                { key: 'events', title: t('webhooks.events'), cell: (hook) => (hook.events.length ? <Ltr>{hook.events.join(', ')}</Ltr> : t('webhooks.all')) },
              ]}
              actions={(hook) => (
                <>
                  <Button size="compact-md" variant="default" onClick={() => test(hook)}>
                    {t('webhooks.test')}
                  </Button>
                  <Button size="compact-md" variant="default" onClick={() => setShown(hook)}>
                    {t('webhooks.deliveries')}
                  </Button>
                  <Button size="compact-md" variant="default" onClick={() => turn(hook)}>
                    {t(hook.active ? 'webhooks.turnOff' : 'webhooks.turnOn')}
                  </Button>
                  <Button size="compact-md" variant="subtle" color="red" data-testid="webhook-delete" onClick={() => setRemoving(hook)}>
                    {t('common.delete')}
                  </Button>
                </>
              )}
            />
          ) : (
            <Text c="dimmed">{t('webhooks.none')}</Text>
          )
        }
      </Answered>
      <FormModal title={t('webhooks.add')} opened={adding} onClose={() => setAdding(false)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <TextInput name="url" type="url" dir="ltr" label={t('webhooks.url')} placeholder="https://" error={fieldError('url')} data-autofocus required />
            <TextInput name="events" dir="ltr" label={t('webhooks.events')} description={t('webhooks.eventsHint')} placeholder="lead.created call.finished" error={fieldError('events')} />
          </>
        )}
      </FormModal>
      <FormModal title={t('webhooks.deleteTitle')} action={t('common.delete')} danger opened={removing !== null} onClose={() => setRemoving(null)} onSubmit={remove} mark={{ 'data-testid': 'webhook-delete-confirm' }}>
        <Text>{removing && <Ltr>{removing.url}</Ltr>}</Text>
        <Text c="dimmed">{t('webhooks.deleteHint')}</Text>
      </FormModal>
      <Secret title={t('webhooks.secret')} secret={secret} onClose={() => setSecret(null)} />
      {shown && <Deliveries hook={shown} onClose={() => setShown(null)} />}
    </Section>
  );
}
