import { Button, Group, Text } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { Section } from '@/shared/ui/Page';

import { type Phase, useTalk } from './talk/useTalk';
import type { Line } from './talk/wire';
import classes from './TryAgent.module.css';

const TONES: Partial<Record<Phase, Tone>> = { talking: 'good', asking: 'warn' };

/** Talks to the agent from here, as a caller would; nothing is kept of it. */
export function TryAgent() {
  const { t } = useTranslation();
  const may = useMay();
  const talk = useTalk();
  if (!may('calls:write')) return null;
  const isOn = talk.phase === 'asking' || talk.phase === 'connecting' || talk.phase === 'talking';
  return (
    <Section title={t('agent.try.title')}>
      <Text c="dimmed">{t('agent.try.hint')}</Text>
      <div role="status" data-testid="talk-state" data-phase={talk.phase} data-why={talk.why}>
        {talk.phase !== 'idle' && <Chip tone={TONES[talk.phase] ?? 'quiet'}>{t(`agent.try.phase.${talk.phase}`)}</Chip>}
        {talk.why !== undefined && <Text>{t(`agent.try.why.${talk.why}`, { defaultValue: t('agent.try.why.lost') })}</Text>}
      </div>
      <Said lines={talk.lines} />
      <Group gap="xs">
        {isOn ? (
          <>
            <Button size="md" color="red" onClick={talk.hangUp} data-testid="talk-hang-up">
              {t('agent.try.hangUp')}
            </Button>
            <Button size="md" variant="default" aria-pressed={talk.isMuted} disabled={talk.phase !== 'talking'} onClick={() => talk.mute(!talk.isMuted)} data-testid="talk-mute">
              {t(talk.isMuted ? 'agent.try.unmute' : 'agent.try.mute')}
            </Button>
          </>
        ) : (
          <Button size="md" onClick={talk.start} data-testid="talk-start">
            {t(talk.phase === 'ended' ? 'agent.try.again' : 'agent.try.start')}
          </Button>
        )}
      </Group>
    </Section>
  );
}

/** What is said, as it is said: the newest stands at the bottom and is in sight. */
function Said({ lines }: { lines: readonly Line[] }) {
  const { t } = useTranslation();
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines.length]);
  if (lines.length === 0) return null;
  return (
    <ol ref={list} className={classes.said} tabIndex={0} aria-label={t('calls.transcript')} aria-live="polite">
      {lines.map(({ seq, speaker, text }) => (
        <li key={seq} data-speaker={speaker} data-testid="talk-line">
          <span className={classes.speaker}>{t(speaker === 'agent' ? 'calls.speaker.agent' : 'agent.try.you')}</span>
          <span dir="auto">{text}</span>
        </li>
      ))}
    </ol>
  );
}
