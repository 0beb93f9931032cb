import { Button, Checkbox, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useBusinessId, useMay, useMe } from '@/shared/data/me';
import { showPhone } from '@/shared/format/phone';
import { longTime } from '@/shared/format/when';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { Copied } from '@/shared/ui/Copied';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Empty, Page, Section } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';

import { AnsweringWords, EditAnswering } from './Answering';
import classes from './Connections.module.css';
import { readNumber } from './modes';
import { Secret } from './Secret';
import { Secrets } from './Secrets';
import { Webhooks } from './Webhooks';
import { EditFull, FullWords } from './WhenFull';

type BusinessNumber = Schemas['BusinessNumber'];

/** The text of a right, such as `leads:read`; the colon would be read as i18next's own. */
const scopeText = (scope: string) => `scope.${scope.replace(':', '.')}`;

/** The numbers of the business, the address its carrier calls, and the keys of other programs. */
export function Connections() {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <Page title={t('nav.connections')}>
      <Numbers />
      <Section title={t('connections.webhook')}>
        <Text c="dimmed">{t('connections.webhookHint')}</Text>
        <Copied text={`${location.origin}/webhook/incoming_call`} />
      </Section>
      {may('keys:write') && (
        <>
          <Secrets />
          <Keys />
          <Webhooks />
        </>
      )}
    </Page>
  );
}

function Numbers() {
  const { t } = useTranslation();
  const id = useBusinessId();
  const mayWrite = useMay()('business:write');
  const client = useQueryClient();
  const numbers = useQuery({ queryKey: ['number', id], queryFn: () => unwrap(api.GET('/api/businesses/{id}/numbers', { params: { path: { id } } })) });
  const [adding, setAdding] = useState(false);
  const [edited, setEdited] = useState<{ Edit: typeof EditFull; number: BusinessNumber; isAsked: boolean; turn: number } | null>(null);
  const ask = (Edit: typeof EditFull, number: BusinessNumber) => setEdited({ Edit, number, isAsked: true, turn: (edited?.turn ?? 0) + 1 });
  // As it is by now: what was refused because somebody changed it meanwhile can be sent again.
  const known = (number: BusinessNumber) => numbers.data?.data.find((one) => one.number === number.number) ?? number;
  const add = async (form: FormData) => {
    await unwrap(api.POST('/api/businesses/{id}/numbers', { params: { path: { id } }, body: readNumber(form) }));
    await client.invalidateQueries({ queryKey: ['number'] });
  };
  return (
    <Section title={t('connections.numbers')} actions={mayWrite && <Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Answered query={numbers}>
        {() =>
          numbers.data?.data.length ? (
            <Records
              label={t('connections.numbers')}
              rows={numbers.data.data}
              idOf={(number) => number.number}
              columns={[
                { key: 'number', title: t('leads.phone'), cell: (number) => <Phone number={number.number} /> },
                { key: 'label', title: t('connections.label'), cell: (number) => number.label && <Own>{number.label}</Own> },
                { key: 'mode', title: t('connections.mode'), isLong: true, cell: (number) => <AnsweringWords number={number} /> },
                { key: 'full', title: t('full.title'), isLong: true, cell: (number) => <FullWords number={number} /> },
              ]}
              {...(mayWrite && {
                actions: (number: BusinessNumber) => (
                  <>
                    <Button size="compact-md" variant="default" aria-label={t('connections.changeMode', { number: showPhone(number.number) })} data-testid="answering-edit" onClick={() => ask(EditAnswering, number)}>
                      {t('connections.mode')}
                    </Button>
                    <Button size="compact-md" variant="default" aria-label={t('full.change', { number: showPhone(number.number) })} data-testid="when-full-edit" onClick={() => ask(EditFull, number)}>
                      {t('full.edit')}
                    </Button>
                  </>
                ),
              })}
            />
          ) : (
            <Empty text={t('connections.noNumbers')} />
          )
        }
      </Answered>
      <FormModal title={t('connections.newNumber')} opened={adding} onClose={() => setAdding(false)} onSubmit={add}>
        {(fieldError) => (
          <>
            <TextInput name="number" type="tel" dir="ltr" label={t('leads.phone')} placeholder="03-123-4567" error={fieldError('number') && t('full.phoneWrong')} data-autofocus required />
            <TextInput name="label" label={t('connections.label')} error={fieldError('label')} maxLength={100} />
          </>
        )}
      </FormModal>
      {edited && <edited.Edit key={edited.turn} number={known(edited.number)} opened={edited.isAsked} onClose={() => setEdited({ ...edited, isAsked: false })} />}
    </Section>
  );
}

function Keys() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoking, setRevoking] = useState<Schemas['ApiKey'] | null>(null);
  const keys = useQuery({ queryKey: ['api_key'], queryFn: () => unwrap(api.GET('/api/api-keys')) });
  const scopes = me.permissions.filter((permission) => permission !== 'users:write' && permission !== 'keys:write');
  const make = async (form: FormData) => {
    const body = { name: textOf(form, 'name') ?? '', scopes: form.getAll('scopes').map(String) };
    setSecret((await unwrap(api.POST('/api/api-keys', { body }))).secret);
    await client.invalidateQueries({ queryKey: ['api_key'] });
  };
  const revoke = async () => {
    if (revoking === null) return;
    try {
      await unwrap(api.DELETE('/api/api-keys/{id}', { params: { path: { id: revoking.id }, header: ifMatch(revoking.version) } }));
    } finally {
      await client.invalidateQueries({ queryKey: ['api_key'] });
    }
  };
  return (
    <Section title={t('connections.keys')} actions={<Button onClick={() => setAdding(true)}>{t('connections.newKey')}</Button>}>
      <Text c="dimmed">{t('connections.keysHint')}</Text>
      <Answered query={keys}>
        {() =>
          keys.data?.data.length ? (
            <Records
              label={t('connections.keys')}
              rows={keys.data.data}
              idOf={(key) => key.id}
              columns={[
                { key: 'name', title: t('auth.name'), cell: (key) => <Own>{key.name}</Own> },
                { key: 'state', title: t('tasks.status'), cell: (key) => <Chip tone={key.revoked_at ? 'quiet' : 'good'}>{t(key.revoked_at ? 'connections.revoked' : 'connections.valid')}</Chip> },
                { key: 'scopes', title: t('connections.scopes'), cell: (key) => key.scopes.map((scope) => t(scopeText(scope), { defaultValue: scope })).join(', ') },
                { key: 'used', title: t('connections.usedAt'), cell: (key) => (key.used_at ? longTime(key.used_at, i18n.language) : t('connections.never')) },
              ]}
              actions={(key) =>
                key.revoked_at ? null : (
                  <Button size="compact-md" variant="subtle" color="red" data-testid="key-revoke" onClick={() => setRevoking(key)}>
                    {t('connections.revoke')}
                  </Button>
                )
              }
            />
          ) : (
            <Text c="dimmed">{t('connections.noKeys')}</Text>
          )
        }
      </Answered>
      <FormModal title={t('connections.newKey')} opened={adding} onClose={() => setAdding(false)} onSubmit={make}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('auth.name')} error={fieldError('name')} maxLength={200} data-autofocus required />
            <fieldset>
              <legend>{t('connections.scopes')}</legend>
              <div className={classes.scopes}>
                {scopes.map((scope) => (
                  <Checkbox key={scope} name="scopes" value={scope} label={t(scopeText(scope), { defaultValue: scope })} />
                ))}
              </div>
            </fieldset>
          </>
        )}
      </FormModal>
      <FormModal title={t('connections.revokeTitle')} action={t('connections.revokeNow')} danger opened={revoking !== null} onClose={() => setRevoking(null)} onSubmit={revoke} mark={{ 'data-testid': 'key-revoke-confirm' }}>
        <Text>{revoking && <Own>{revoking.name}</Own>}</Text>
        <Text c="dimmed">{t('connections.revokeHint')}</Text>
      </FormModal>
      <Secret title={t('connections.newKey')} secret={secret} onClose={() => setSecret(null)} />
    </Section>
  );
}
