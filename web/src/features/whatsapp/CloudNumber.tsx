import { Button, Group, PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { longTime } from '@/shared/format/when';
import { Ltr } from '@/shared/ui/Bidi';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { Copied } from '@/shared/ui/Copied';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import classes from './WhatsApp.module.css';
import { type CloudState, cloudState, refusedByMeta } from './cloud';

type Cloud = Schemas['WaCloud'];

const KEY = ['whatsapp', 'cloud'];
const TOKEN = 'whatsapp_cloud_token';
const TONES: Record<CloudState, Tone> = { none: 'quiet', no_token: 'warn', off: 'quiet', silent: 'warn', on: 'good' };

/** A number at Meta, which a business may have instead of a linked phone. */
export function CloudNumber({ status }: { status: Schemas['WaStatus']['cloud'] }) {
  const mayChange = useMay()('keys:write');
  const cloud = useQuery({ queryKey: KEY, queryFn: () => unwrap(api.GET('/api/wa/cloud')), enabled: mayChange });
  if (!mayChange) return <Told status={status} />;
  return <Answered query={cloud}>{() => cloud.data && <Owned cloud={cloud.data} />}</Answered>;
}

/** What everybody of the business may know of it. */
function Told({ status }: { status: Schemas['WaStatus']['cloud'] }) {
  const { t } = useTranslation();
  // Whether there is a token is told to owners alone: a number that is off is off for the others.
  const cloud = { phone_number_id: status?.phone_number_id, has_token: true, is_on: status?.is_on ?? false, last_webhook_at: status?.last_webhook_at };
  return (
    <>
      <State cloud={cloud} />
      <p>{t('wa.cloud.ownersOnly')}</p>
    </>
  );
}

function State({ cloud }: { cloud: Cloud }) {
  const { t, i18n } = useTranslation();
  const state = cloudState(cloud);
  return (
    <>
      <div data-testid="wa-cloud-state" data-state={state} role="status">
        <Chip tone={TONES[state]}>{t(`wa.cloud.state.${state}`)}</Chip>
        <p>{t(`wa.cloud.about.${state}`)}</p>
      </div>
      <Facts
        facts={[
          [t('wa.cloud.numberId'), cloud.phone_number_id && <Ltr key="number">{cloud.phone_number_id}</Ltr>],
          [t('wa.cloud.accountId'), cloud.account_id && <Ltr key="account">{cloud.account_id}</Ltr>],
          [t('wa.cloud.heardAt'), cloud.last_webhook_at && longTime(cloud.last_webhook_at, i18n.language)],
        ]}
      />
    </>
  );
}

/** As its owner has it: entered, switched on and off, taken away. */
function Owned({ cloud }: { cloud: Cloud }) {
  const { t } = useTranslation();
  const [removed, setRemoved] = useState(0);
  const state = cloudState(cloud);
  return (
    <>
      <State cloud={cloud} />
      {state === 'off' && <SwitchOn />}
      {cloud.phone_number_id && (
        <Group>
          {cloud.is_on && <SwitchOff cloud={cloud} />}
          <Forget onDone={() => setRemoved((before) => before + 1)} />
        </Group>
      )}
      {/* Its fields begin anew after a removal, and at no other time: what was refused stays to be corrected. */}
      <Entered key={removed} cloud={cloud} />
      <div>
        <h3 className={classes.part}>{t('wa.cloud.webhook')}</h3>
        <p className={classes.hint}>{t('wa.cloud.webhookHint')}</p>
        <Copied text={`${location.origin}/webhook/whatsapp`} />
      </div>
    </>
  );
}

/** Asks Meta about the number; what Meta does not take is thrown with its reason. */
async function connect(): Promise<void> {
  try {
    await unwrap(api.POST('/api/wa/cloud/connect'));
  } catch (error) {
    throw refusedByMeta(error);
  }
}

function useAgain(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ['whatsapp'] });
}

/** A form without a field: what Meta says stays on the screen until it is tried again. */
function SwitchOn() {
  const { t } = useTranslation();
  const again = useAgain();
  const submit = async () => {
    await connect();
    await again();
  };
  return (
    <Form action={t('wa.cloud.switchOn')} onSubmit={submit} mark={{ 'data-testid': 'wa-cloud-on' }}>
      {null}
    </Form>
  );
}

function SwitchOff({ cloud }: { cloud: Cloud }) {
  const { t } = useTranslation();
  const act = useAct();
  const body = { phone_number_id: cloud.phone_number_id ?? '', account_id: cloud.account_id ?? '' };
  // A number that is entered, also the same one, is off until Meta is asked about it again; its token stays.
  const off = () => act(['whatsapp'], () => unwrap(api.PUT('/api/wa/cloud', { body })), t('wa.cloud.switchedOff'));
  return (
    <Button variant="default" data-testid="wa-cloud-off" onClick={() => void off()}>
      {t('wa.cloud.switchOff')}
    </Button>
  );
}

/** Takes the number away with its token, after asking. */
function Forget({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const again = useAgain();
  const [asking, setAsking] = useState(false);
  const forget = async () => {
    await unwrap(api.DELETE('/api/wa/cloud'));
    // The fields begin anew with what there is then: nothing.
    await again();
    onDone();
  };
  return (
    <>
      <Button variant="default" data-testid="wa-cloud-remove" onClick={() => setAsking(true)}>
        {t('wa.cloud.remove')}
      </Button>
      <FormModal title={t('wa.cloud.removeTitle')} action={t('wa.cloud.remove')} danger opened={asking} onClose={() => setAsking(false)} onSubmit={forget} mark={{ 'data-testid': 'wa-cloud-remove-confirm' }}>
        {t('wa.cloud.removeHint')}
      </FormModal>
    </>
  );
}

/** Meta's ids of the number and its token, which is written and never read back. */
function Entered({ cloud }: { cloud: Cloud }) {
  const { t } = useTranslation();
  const again = useAgain();
  const [token, setToken] = useState('');
  const submit = async (form: FormData) => {
    const body = { phone_number_id: textOf(form, 'phone_number_id') ?? '', account_id: textOf(form, 'account_id') ?? '' };
    const isSame = body.phone_number_id === cloud.phone_number_id && body.account_id === cloud.account_id;
    try {
      // To enter a number switches it off: one that is not changed is left alone.
      if (!isSame) await unwrap(api.PUT('/api/wa/cloud', { body }));
      if (token !== '') {
        await unwrap(api.PUT('/api/business/secrets/{name}', { params: { path: { name: TOKEN } }, body: { value: token } }));
        setToken('');
        // One that is in use is tried at once, so that a wrong token is said here and not by the next message.
        if (isSame && cloud.is_on) await connect();
      }
    } finally {
      await again();
    }
  };
  const number = { inputMode: 'numeric', pattern: '[0-9]+', maxLength: 32, dir: 'ltr', autoComplete: 'off', required: true } as const;
  return (
    <Form action={t('common.save')} onSubmit={submit} mark={{ 'data-testid': 'wa-cloud-save' }}>
      {(fieldError) => (
        <>
          <div className={classes.two}>
            <TextInput name="phone_number_id" {...number} label={t('wa.cloud.numberId')} description={t('wa.cloud.numberIdHint')} defaultValue={cloud.phone_number_id ?? ''} error={fieldError('phone_number_id')} />
            <TextInput name="account_id" {...number} label={t('wa.cloud.accountId')} description={t('wa.cloud.accountIdHint')} defaultValue={cloud.account_id ?? ''} error={fieldError('account_id')} />
          </div>
          <PasswordInput
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            label={t('wa.cloud.token')}
            description={t(cloud.has_token ? 'wa.cloud.tokenKept' : 'wa.cloud.tokenHint')}
            error={fieldError('value')}
            autoComplete="off"
            maxLength={512}
            required={!cloud.has_token}
            visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }}
          />
        </>
      )}
    </Form>
  );
}
