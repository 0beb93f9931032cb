import { Button, Group, PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { longTime } from '@/shared/format/when';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { Copied } from '@/shared/ui/Copied';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Notice } from '@/shared/ui/Page';
import { useErrorText } from '@/shared/ui/errors';
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
      {cloud.last_webhook_at && <Facts facts={[[t('wa.cloud.heardAt'), longTime(cloud.last_webhook_at, i18n.language)]]} />}
    </>
  );
}

/** As its owner has it: entered, switched on and off, taken away. */
function Owned({ cloud }: { cloud: Cloud }) {
  const number = cloud.phone_number_id ?? null;
  const [before, setBefore] = useState(number);
  const [removed, setRemoved] = useState(0);
  if (before !== number) {
    setBefore(number);
    if (number === null) setRemoved(removed + 1);
  }
  return (
    <>
      <State cloud={cloud} />
      {number !== null && <Actions cloud={cloud} />}
      {/* Its fields begin anew after a removal, and at no other time: what was refused stays to be corrected. */}
      <Entered key={removed} cloud={cloud} />
      <Address />
    </>
  );
}

/** Where Meta sends what comes in: pasted there once. */
function Address() {
  const { t } = useTranslation();
  return (
    <div className={classes.part}>
      <h3>{t('wa.cloud.webhook')}</h3>
      <Copied text={`${location.origin}/webhook/whatsapp`} />
      <ol className={`${classes.steps} ${classes.hint}`}>
        <li>{t('wa.cloud.webhookSteps.open')}</li>
        <li>{t('wa.cloud.webhookSteps.paste')}</li>
        <li>{t('wa.cloud.webhookSteps.verify')}</li>
        <li>{t('wa.cloud.webhookSteps.subscribe')}</li>
      </ol>
    </div>
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

/** What is done about a number as a whole. What Meta says stays on the screen until it is tried again. */
function Actions({ cloud }: { cloud: Cloud }) {
  const { t } = useTranslation();
  const explain = useErrorText();
  const again = useAgain();
  const [refusal, setRefusal] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);
  const isOff = cloudState(cloud) === 'off';
  const switchOn = async () => {
    setIsAsking(true);
    setRefusal(null);
    try {
      await connect();
      await again();
    } catch (error) {
      setRefusal(error);
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <>
      <Group gap="xs">
        {isOff && (
          <Button data-testid="wa-cloud-on" loading={isAsking} onClick={() => void switchOn()}>
            {t('wa.cloud.switchOn')}
          </Button>
        )}
        {cloud.is_on && <SwitchOff cloud={cloud} />}
        <Forget />
      </Group>
      {isOff && refusal !== null && <Notice tone="bad">{explain(refusal)}</Notice>}
    </>
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
function Forget() {
  const { t } = useTranslation();
  const again = useAgain();
  const [asking, setAsking] = useState(false);
  const forget = async () => {
    await unwrap(api.DELETE('/api/wa/cloud'));
    await again();
  };
  return (
    <>
      <Button variant="subtle" color="red" data-testid="wa-cloud-remove" onClick={() => setAsking(true)}>
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
