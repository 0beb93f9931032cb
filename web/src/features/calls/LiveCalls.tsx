import { Button, Group, Menu, Text, TextInput } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useBusinessId, useMay, useMe } from '@/shared/data/me';
import { ownPhoneQuery } from '@/shared/data/ownPhone';
import { duration } from '@/shared/format/when';
import { Cost, Ltr, Phone, Whole } from '@/shared/ui/Bidi';
import { Caller } from '@/shared/ui/CallRow';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { FormModal } from '@/shared/ui/FormModal';
import { Section } from '@/shared/ui/Page';
import { Said } from '@/shared/ui/Said';
import { useAct } from '@/shared/ui/useAct';

import classes from './LiveCalls.module.css';
import { whisperIn } from './whisper';

type Live = Schemas['LiveCallView'];

/** How often a call that goes on is looked at: what is said in it makes no event. */
const LOOK_MS = 1_000;
const TONES: Partial<Record<Live['turn'], Tone>> = { caller: 'warn', agent: 'accent', closing: 'quiet' };

/** The calls that go on; nothing where there is none. That one begins is an event, which asks again. */
export function LiveCalls({ only }: { only?: string }) {
  const { t } = useTranslation();
  const live = useQuery({
    queryKey: ['call', 'live'],
    queryFn: () => unwrap(api.GET('/api/calls/live')),
    refetchInterval: ({ state }) => (state.data?.data.length ? LOOK_MS : false),
  });
  const calls = (live.data?.data ?? []).filter(({ call }) => only === undefined || call.id === only);
  if (calls.length === 0) return null;
  return (
    <Section title={t('live.title')}>
      <ul className={classes.calls} aria-label={t('live.title')}>
        {calls.map((one) => (
          <LiveCall key={one.call.id} live={one} seenAt={live.dataUpdatedAt} />
        ))}
      </ul>
    </Section>
  );
}

function LiveCall({ live, seenAt }: { live: Live; seenAt: number }) {
  const { t } = useTranslation();
  const may = useMay();
  const { call, turn } = live;
  return (
    <li className={classes.call} data-testid="live-call" data-call-id={call.id}>
      <div className={classes.top}>
        <strong>
          <Caller call={call} />
        </strong>
        <Chip tone={TONES[turn] ?? 'quiet'}>{t(`live.turn.${turn}`)}</Chip>
        {live.is_holding && <Chip tone="warn">{t('live.holding')}</Chip>}
        {live.served_by === 'spare' && <Chip tone="quiet">{t('live.spare')}</Chip>}
        <span className={classes.facts}>
          <Ltr>{duration(Math.max(0, seenAt - Date.parse(call.started_at)))}</Ltr>
          {live.cost_so_far_micro_usd > 0 && (
            <>
              {' '}
              <Whole>
                · <Cost microUsd={live.cost_so_far_micro_usd} />
              </Whole>
            </>
          )}
        </span>
      </div>
      <Transcript callId={call.id} />
      <ListenIn callId={call.id} />
      {may('calls:write') && turn !== 'closing' && <StepIn callId={call.id} />}
    </li>
  );
}

/** What is said, with what people of the business whispered. */
function Transcript({ callId }: { callId: string }) {
  const { t } = useTranslation();
  const transcript = useQuery({
    queryKey: ['call', 'transcript', callId],
    queryFn: () => unwrap(api.GET('/api/calls/{id}/transcript', { params: { path: { id: callId } } })),
    refetchInterval: LOOK_MS,
    placeholderData: keepPreviousData,
  });
  const lines = transcript.data?.data ?? [];
  if (lines.length === 0) return <Text c="dimmed">{t('live.nothingYet')}</Text>;
  const shown = lines.map((line) => {
    const whisper = whisperIn(line);
    return whisper === undefined
      ? { key: line.seq, side: line.speaker, name: t(`calls.speaker.${line.speaker}`, { defaultValue: line.speaker }), text: line.text }
      : { key: line.seq, side: 'whisper', name: t('live.whispered'), text: whisper };
  });
  return <Said lines={shown} testId="live-line" />;
}

/** Both sides as they are heard. Sound goes from left to right in every language. */
function ListenIn({ callId }: { callId: string }) {
  const { t } = useTranslation();
  const [listens, setListens] = useState(false);
  if (!listens) {
    return (
      <Button size="md" variant="default" className={classes.listen} onClick={() => setListens(true)} data-testid="listen-in">
        {t('live.listen')}
      </Button>
    );
  }
  return (
    <Group gap="xs">
      {/* Its words stand above as they are spoken. */}
      <audio src={`/api/calls/${callId}/sound`} autoPlay data-testid="live-sound" />
      <Chip tone="accent">{t('live.listening')}</Chip>
      <Button size="md" variant="default" onClick={() => setListens(false)} data-testid="listen-stop">
        {t('live.stopListening')}
      </Button>
    </Group>
  );
}

/** What somebody of the business can do about a call. */
function StepIn({ callId }: { callId: string }) {
  return (
    <div className={classes.acts}>
      <WhisperField callId={callId} />
      <Group gap="xs">
        <TakeOver callId={callId} />
        <HangUp callId={callId} />
      </Group>
    </div>
  );
}

function WhisperField({ callId }: { callId: string }) {
  const { t } = useTranslation();
  const act = useAct();
  const [text, setText] = useState('');
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const words = text.trim();
    if (words === '') return;
    const work = () => unwrap(api.POST('/api/calls/{id}/whispers', { params: { path: { id: callId } }, body: { text: words } }));
    if (await act(['call'], work, t('live.isTold'))) setText('');
  };
  return (
    <form className={classes.whisper} onSubmit={(event) => void submit(event)}>
      <TextInput className={classes.words} size="md" aria-label={t('live.whisper')} placeholder={t('live.whisper')} value={text} maxLength={1000} onChange={(event) => setText(event.currentTarget.value)} data-testid="whisper" />
      <Button type="submit" size="md" disabled={text.trim() === ''} data-testid="whisper-send">
        {t('live.tell')}
      </Button>
    </form>
  );
}

/** One's own phone, and the business's numbers by their names: no other can be rung. */
function TakeOver({ callId }: { callId: string }) {
  const { t } = useTranslation();
  const act = useAct();
  const id = useBusinessId();
  const targets = useQuery({
    queryKey: ['business', id, 'transfer'],
    queryFn: () => unwrap(api.GET('/api/businesses/{id}/transfer-targets', { params: { path: { id } } })),
  });
  const own = useQuery({ ...ownPhoneQuery, enabled: !useMe().acting });
  const number = own.data?.number;
  const take = () => act(['call'], () => unwrap(api.POST('/api/calls/{id}/take-over', { params: { path: { id: callId } } })), t('live.isTakenOver'));
  const labels = targets.data?.data.map(({ label }) => label) ?? [];
  const hand = (target: string) => act(['call'], () => unwrap(api.POST('/api/calls/{id}/hand-over', { params: { path: { id: callId } }, body: { target } })), t('live.isHandedOver', { target }));
  if (targets.data && !own.isLoading && labels.length === 0 && !number) return <Text c="dimmed">{t('live.noTargets')}</Text>;
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="md" variant="default" loading={targets.isPending} data-testid="take-over">
          {t('live.takeOver')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {number && (
          <Menu.Item onClick={() => void take()} data-testid="take-over-own">
            {t('live.onMyPhone')} <Phone number={number} />
          </Menu.Item>
        )}
        {labels.map((label) => (
          <Menu.Item key={label} onClick={() => void hand(label)} data-testid="take-over-to">
            <span dir="auto">{label}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function HangUp({ callId }: { callId: string }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button size="md" variant="light" color="red" onClick={() => setAsking(true)} data-testid="hang-up">
        {t('live.hangUp')}
      </Button>
      <FormModal title={t('live.hangUp')} opened={asking} onClose={() => setAsking(false)} action={t('live.hangUp')} danger mark={{ 'data-testid': 'hang-up-confirm' }} onSubmit={() => unwrap(api.POST('/api/calls/{id}/hang-up', { params: { path: { id: callId } } }))}>
        <Text>{t('live.sureToHangUp')}</Text>
      </FormModal>
    </>
  );
}
