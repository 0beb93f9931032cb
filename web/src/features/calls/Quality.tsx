import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { Chip } from '@/shared/ui/Chip';
import { Facts } from '@/shared/ui/Facts';
import { Section } from '@/shared/ui/Page';

import classes from './OneCall.module.css';

const TONES: Record<string, 'good' | 'warn' | 'bad'> = { good: 'good', fair: 'warn', poor: 'bad' };

/** Milliseconds as seconds with one digit. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** How well a call went, in plain words: why it did not, and the figures behind it. */
export function Quality({ quality }: { quality: Schemas['CallQuality'] }) {
  const { t } = useTranslation();
  const length = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : t('calls.quality.seconds', { seconds: seconds(ms) }));
  return (
    <Section title={t('calls.quality.title')}>
      <p className={classes.text} data-testid="quality" data-verdict={quality.verdict}>
        <Chip tone={TONES[quality.verdict] ?? 'warn'}>{t(`calls.quality.verdict.${quality.verdict}`, { defaultValue: quality.verdict })}</Chip>
      </p>
      {quality.reasons.length > 0 && (
        <ul>
          {quality.reasons.map((reason) => (
            <li key={reason}>{t(`calls.quality.reason.${reason}`, { defaultValue: reason })}</li>
          ))}
        </ul>
      )}
      <Facts
        facts={[
          [t('calls.quality.firstWord'), length(quality.first_word_ms)],
          [t('calls.quality.answer'), length(quality.answer_p50_ms)],
          [t('calls.quality.slowest'), length(quality.answer_max_ms)],
          [t('calls.quality.silence'), length(quality.dead_air_longest_ms)],
          [t('calls.quality.agent'), length(quality.agent_ms)],
          [t('calls.quality.caller'), length(quality.caller_ms)],
        ]}
      />
    </Section>
  );
}
