import { Button, Group, SegmentedControl } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useMay } from '@/shared/data/me';
import { longTime } from '@/shared/format/when';
import { Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { Facts } from '@/shared/ui/Facts';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Notice, Page, Section } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import { AnswerSettings } from './AnswerSettings';
import { CloudNumber } from './CloudNumber';
import { LinkSteps } from './LinkSteps';
import { Replies } from './Replies';
import classes from './WhatsApp.module.css';
import { type WaState, codeKey, isLinked, mayUnlink, mustWait, toneOf, useLink } from './link';

/** The business's WhatsApp: how it is linked, and how the agent answers there. */
export function WhatsApp() {
  const { t } = useTranslation();
  const link = useLink();
  const isMissing = link.status.error instanceof ApiError && link.status.error.code === 'whatsapp-not-configured';
  return (
    <Page title={t('wa.title')}>
      {isMissing ? (
        <Section>
          <div data-testid="wa-state" data-state="not-configured">
            <Notice tone="warn">{t('wa.notConfigured')}</Notice>
          </div>
        </Section>
      ) : (
        <Answered query={link.status}>{() => link.status.data && link.state && <Ways status={link.status.data} state={link.state} code={link.code} codeAt={link.codeAt} />}</Answered>
      )}
      <AnswerSettings />
      <Replies />
    </Page>
  );
}

interface LinkProps {
  status: Schemas['WaStatus'];
  state: WaState;
  code: Schemas['WaCode'] | undefined;
  codeAt: number;
}

/** The two ways to WhatsApp: a phone that is linked, or a number at Meta, which owners enter. A business has one of them at a time. */
function Ways(props: LinkProps) {
  const { t } = useTranslation();
  const may = useMay();
  const { way, cloud } = props.status;
  const [chosen, setChosen] = useState<Schemas['WaWay'] | null>(null);
  const shown = chosen ?? way;
  const hasChoice = way === 'cloud' || may('keys:write');
  return (
    <Section>
      {hasChoice && (
        <SegmentedControl
          aria-label={t('wa.ways')}
          className={classes.ways ?? ''}
          value={shown}
          onChange={(value) => setChosen(value)}
          data={[
            { value: 'phone', label: t('wa.byPhone') },
            { value: 'cloud', label: t('wa.atMeta') },
          ]}
        />
      )}
      {shown === 'cloud' ? <CloudNumber status={cloud} /> : way === 'cloud' ? <p>{t('wa.configured')}</p> : <Link {...props} />}
    </Section>
  );
}

function Link({ status, state, code, codeAt }: LinkProps) {
  const { t, i18n } = useTranslation();
  const mayManage = useMay()('business:manage');
  return (
    <>
      <div data-testid="wa-state" data-state={state} role="status">
        <Chip tone={toneOf(state)}>{t(`wa.state.${state}`)}</Chip>
        <p>{t(`wa.about.${state}`)}</p>
        {status.until && <p>{t('wa.bannedUntil', { until: longTime(status.until, i18n.language) })}</p>}
      </div>
      {isLinked(state) && (
        <Facts
          facts={[
            [t('wa.number'), status.number && <Phone key="number" number={status.number} />],
            [t('wa.linkedAt'), status.linked_at && longTime(status.linked_at, i18n.language)],
          ]}
        />
      )}
      {!isLinked(state) && !mayManage && <p>{t('wa.managersOnly')}</p>}
      {!isLinked(state) && mayManage && <Steps key={String(mustWait(state))} status={status} state={state} code={code} codeAt={codeAt} />}
      {mayManage && mayUnlink(state) && <Unlink hint={t(isLinked(state) ? 'wa.unlinkHint' : 'wa.unlinkConnectingHint')} />}
    </>
  );
}

/** How it is linked; where that does not help yet, only once it is asked for. */
function Steps(props: LinkProps) {
  const { t } = useTranslation();
  const [isWanted, setIsWanted] = useState(!mustWait(props.state));
  if (isWanted) return <LinkSteps {...props} />;
  return (
    <Group>
      <Button variant="default" data-testid="wa-anyway" onClick={() => setIsWanted(true)}>
        {t('wa.again')}
      </Button>
    </Group>
  );
}

/** Unlinks, after asking. */
function Unlink({ hint }: { hint: string }) {
  const { t } = useTranslation();
  const act = useAct();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const unlink = async () => {
    await act(['whatsapp'], () => unwrap(api.POST('/api/wa/unlink')), t('wa.unlinked'));
    client.removeQueries({ queryKey: codeKey });
  };
  return (
    <>
      <Group>
        <Button variant="default" data-testid="wa-unlink" onClick={() => setAsking(true)}>
          {t('wa.unlink')}
        </Button>
      </Group>
      <FormModal title={t('wa.unlinkTitle')} action={t('wa.unlink')} danger opened={asking} onClose={() => setAsking(false)} onSubmit={unlink} mark={{ 'data-testid': 'wa-unlink-confirm' }}>
        {hint}
      </FormModal>
    </>
  );
}
