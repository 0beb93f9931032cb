import { Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { Section } from '@/shared/ui/Page';
import { Said } from '@/shared/ui/Said';

import { type Phase, useTalk } from './talk/useTalk';

const TONES: Partial<Record<Phase, Tone>> = { talking: 'good', asking: 'warn' };

/** Talks to the agent from here, as a caller would; nothing is kept of it. */
export function TryAgent() {
  const { t } = useTranslation();
  const may = useMay();
  const talk = useTalk();
  if (!may('calls:write')) return null;
  const isOn = talk.phase === 'asking' || talk.phase === 'connecting' || talk.phase === 'talking';
  const lines = talk.lines.map(({ seq, speaker, text }) => ({ key: seq, side: speaker, name: t(speaker === 'agent' ? 'calls.speaker.agent' : 'agent.try.you'), text }));
  return (
    <Section title={t('agent.try.title')}>
      <Text c="dimmed">{t('agent.try.hint')}</Text>
      <div role="status" data-testid="talk-state" data-phase={talk.phase} data-why={talk.why}>
        {talk.phase !== 'idle' && <Chip tone={TONES[talk.phase] ?? 'quiet'}>{t(`agent.try.phase.${talk.phase}`)}</Chip>}
        {talk.why !== undefined && <Text>{t(`agent.try.why.${talk.why}`, { defaultValue: t('agent.try.why.lost') })}</Text>}
      </div>
      <Said lines={lines} testId="talk-line" />
      <Group gap="xs" justify="flex-end">
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
