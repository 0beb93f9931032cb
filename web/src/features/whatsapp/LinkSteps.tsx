import { Button, Group, Loader, SegmentedControl, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { QRCodeSVG } from 'qrcode.react';
import { useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { Ltr } from '@/shared/ui/Bidi';
import { Form, textOf } from '@/shared/ui/Form';
import { useAct } from '@/shared/ui/useAct';
import { useIsWide } from '@/shared/ui/useIsWide';

import classes from './WhatsApp.module.css';
import { type WaState, codeKey, grouped, isLinking, secondsLeft } from './link';

type Way = Schemas['LinkWay'];

interface Props {
  status: Schemas['WaStatus'];
  state: WaState;
  code: Schemas['WaCode'] | undefined;
  codeAt: number;
}

/** Linking: by a code that is scanned, or by one that is typed. */
export function LinkSteps({ status, state, code, codeAt }: Props) {
  const { t } = useTranslation();
  const isWide = useIsWide();
  const [chosen, setChosen] = useState<Way | null>(null);
  // A phone cannot scan its own screen: there the code to be typed comes first.
  const usual: Way = isWide || !status.links_by_pairing_code ? 'qr' : 'pairing_code';
  const way = chosen ?? (state === 'qr' ? 'qr' : state === 'pairing_code' ? 'pairing_code' : usual);
  const wish = useWish();
  const stop = useStop();
  const again = state === 'unlinked' ? null : t('wa.again');
  return (
    <>
      {status.links_by_pairing_code && (
        <SegmentedControl
          aria-label={t('wa.way')}
          className={classes.ways ?? ''}
          value={way}
          onChange={(value) => setChosen(value)}
          data={[
            { value: 'qr', label: t('wa.byQr') },
            { value: 'pairing_code', label: t('wa.byCode') },
          ]}
        />
      )}
      {way === 'qr' && (
        <>
          {!isWide && <p className={classes.hint}>{t('wa.qrOnPhone')}</p>}
          {state === 'qr' && code?.qr ? (
            <Scanned code={code} codeAt={codeAt} />
          ) : isLinking(state) && state !== 'pairing_code' ? (
            <Coming />
          ) : (
            <Group>
              <Button data-testid={again ? 'wa-restart' : 'wa-show-qr'} onClick={() => void wish({ method: 'qr' })}>
                {again ?? t('wa.showQr')}
              </Button>
            </Group>
          )}
        </>
      )}
      {way === 'pairing_code' &&
        (state === 'pairing_code' && code?.pairing_code ? (
          <Typed code={code.pairing_code} />
        ) : state === 'connecting' ? (
          <Coming />
        ) : (
          <Form action={again ?? t('wa.showCode')} onSubmit={(form) => wish({ method: 'pairing_code', phone: textOf(form, 'phone') ?? '' }, true)} mark={{ 'data-testid': 'wa-get-code' }}>
            {(fieldError) => <TextInput name="phone" type="tel" dir="ltr" label={t('wa.phone')} defaultValue={status.number ?? ''} error={fieldError('phone')} autoComplete="tel" required />}
          </Form>
        ))}
      {/* Not while it connects: a linked account does that too, and to stop is to unlink, which is asked about. */}
      {(state === 'qr' || state === 'pairing_code') && (
        <Group>
          <Button variant="default" data-testid="wa-stop" onClick={() => void stop()}>
            {t('wa.stop')}
          </Button>
        </Group>
      )}
    </>
  );
}

/** Asks for a code. What goes wrong is said by a toast, or thrown for the form that asked. */
function useWish(): (wish: Schemas['LinkWish'], throws?: boolean) => Promise<void> {
  const client = useQueryClient();
  const act = useAct();
  return async (body, throws = false) => {
    const ask = async () => {
      const code = await unwrap(api.POST('/api/wa/link', { body }));
      client.setQueryData(codeKey, code);
    };
    if (throws) {
      await ask();
      await client.invalidateQueries({ queryKey: ['whatsapp'] });
    } else {
      await act(['whatsapp'], ask);
    }
  };
}

function useStop(): () => Promise<void> {
  const client = useQueryClient();
  const act = useAct();
  return async () => {
    await act(['whatsapp'], () => unwrap(api.POST('/api/wa/unlink')));
    client.removeQueries({ queryKey: codeKey });
  };
}

function Coming() {
  const { t } = useTranslation();
  return (
    <div className={classes.coming} role="status" aria-label={t('wa.state.connecting')}>
      <Loader color="var(--accent)" />
    </div>
  );
}

/** The code that is scanned, and when the next one comes. */
function Scanned({ code, codeAt }: { code: Schemas['WaCode']; codeAt: number }) {
  const { t } = useTranslation();
  const left = secondsLeft(code, codeAt, useSecond());
  const words = left === 0 ? 'wa.renewing' : code.attempts_left === 0 ? 'wa.last' : 'wa.next';
  return (
    <div className={classes.scan}>
      <div className={classes.qr} data-testid="wa-qr" data-seq={code.seq}>
        <QRCodeSVG value={code.qr ?? ''} size={288} level="M" marginSize={4} title={t('wa.qrTitle')} />
      </div>
      <div>
        <ol className={classes.steps}>
          <li>{t('wa.qrSteps.open')}</li>
          <li>{t('wa.qrSteps.link')}</li>
        </ol>
        <p role="timer" aria-live="off" data-testid="wa-countdown" data-seconds={left}>
          {t(words, { count: left })}
        </p>
      </div>
    </div>
  );
}

/** The code that is typed into the phone. */
function Typed({ code }: { code: string }) {
  const { t } = useTranslation();
  return (
    <div>
      <ol className={classes.steps}>
        <li>{t('wa.codeSteps.open')}</li>
        <li>{t('wa.codeSteps.choose')}</li>
        <li>{t('wa.codeSteps.type')}</li>
      </ol>
      <p className={classes.code} data-testid="wa-pairing-code">
        <Ltr>{grouped(code)}</Ltr>
      </p>
    </div>
  );
}

function subscribe(changed: () => void) {
  const timer = setInterval(changed, 250);
  return () => clearInterval(timer);
}

/** The present moment, four times a second. */
function useSecond(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / 250) * 250);
}
