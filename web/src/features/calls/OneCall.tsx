import { Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { TFunction } from 'i18next';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { duration, longTime } from '@/shared/format/when';
import { Cost, Ltr, Phone, Whole } from '@/shared/ui/Bidi';
import { CallState, Caller, CallerName } from '@/shared/ui/CallRow';
import { Facts } from '@/shared/ui/Facts';
import { Answered, Empty, Page, Section } from '@/shared/ui/Page';

import { costIsKnown, lengthOf } from './Calls';
import { LiveCalls } from './LiveCalls';
import classes from './OneCall.module.css';
import { Promises } from './Promises';
import { Quality } from './Quality';
import { whisperIn } from './whisper';

/** One call: what it was about, what was said, and how it sounded. */
export function OneCall() {
  const { t, i18n } = useTranslation();
  const { id } = useParams({ from: '/signed-in/calls/$id' });
  const call = useQuery({ queryKey: ['call', 'one', id], queryFn: () => unwrap(api.GET('/api/calls/{id}', { params: { path: { id } } })) });
  // What is made of a call when it ends is not missing before.
  const isOver = !!call.data?.ended_at;
  const player = useRef<HTMLAudioElement>(null);
  const seek = (ms: number) => {
    if (!player.current) return;
    player.current.currentTime = ms / 1000;
    void player.current.play().catch(() => undefined);
  };
  return (
    <Page
      title={t('calls.one')}
      heading={
        call.data && (
          <>
            {t('calls.one')}: <CallerName call={call.data} />
          </>
        )
      }
      actions={
        <Button variant="default" onClick={() => print()}>
          {t('calls.print')}
        </Button>
      }
    >
      <Answered query={call}>
        {() =>
          call.data && (
            <>
              {!isOver && <LiveCalls only={id} />}
              <Section>
                <Facts
                  facts={[
                    [t('calls.who'), <Caller key="who" call={call.data} />],
                    [t('leads.phone'), call.data.caller && <Phone number={call.data.caller} link />],
                    [t('calls.at'), longTime(call.data.started_at, i18n.language)],
                    [t('calls.state'), <CallState key="state" call={call.data} />],
                    [t('calls.ended'), call.data.end && t(`calls.end.${call.data.end}`, { defaultValue: t('calls.end.other') })],
                    [t('calls.ladder.title'), rungsOf(call.data.ladder, t).join(' · ')],
                    [t('calls.length'), lengthOf(call.data) && <Ltr key="length">{lengthOf(call.data)}</Ltr>],
                    [t('calls.cost'), costIsKnown(call.data) ? <Cost key="cost" microUsd={call.data.cost_micro_usd} /> : null],
                    ...carrierCosts(call.data, t),
                    [t('calls.number'), <Phone key="number" number={call.data.business_number} />],
                  ]}
                />
              </Section>
              <Section title={t('calls.summary')}>
                {call.data.summary ? (
                  <p dir="auto" className={classes.text}>
                    {call.data.summary}
                  </p>
                ) : (
                  <Text c="dimmed">{t(isOver ? 'calls.noSummary' : 'calls.summaryLater')}</Text>
                )}
              </Section>
              {isOver && call.data.quality && <Quality quality={call.data.quality} />}
              <Promises callId={id} seek={seek} />
              <Listen callId={id} isOver={isOver} player={player} />
              <Said callId={id} isOver={isOver} seek={seek} />
            </>
          )
        }
      </Answered>
    </Page>
  );
}

/** What the carrier charges and what the call cost in all; nothing while that is not known. */
function carrierCosts(call: Schemas['Call'], t: TFunction) {
  if (typeof call.carrier_cost_micro_usd !== 'number') return [];
  return [
    [t('calls.carrierCost'), <Cost key="carrier" microUsd={call.carrier_cost_micro_usd} />],
    [t('calls.totalCost'), <Cost key="total" microUsd={call.total_cost_micro_usd} />],
  ] as const;
}

/** What kept a call from silence, in words. */
function rungsOf(ladder: Schemas['CallLadder'], t: TFunction): string[] {
  const rungs = [
    ladder.hold_lines > 0 && t('calls.ladder.hold', { count: ladder.hold_lines }),
    ladder.reconnects > 0 && t('calls.ladder.reconnect', { count: ladder.reconnects }),
    ladder.served_by === 'spare' && t('calls.ladder.spare'),
    ladder.went_on === 'dial' && t('calls.ladder.dial'),
    ladder.went_on === 'take_voicemail' && t('calls.ladder.take_voicemail'),
  ];
  return rungs.filter((rung) => rung !== false);
}

/** The recording. Sound goes from left to right in every language. */
function Listen({ callId, isOver, player }: { callId: string; isOver: boolean; player: React.RefObject<HTMLAudioElement | null> }) {
  const { t } = useTranslation();
  const recordings = useQuery({
    queryKey: ['call', 'recordings', callId],
    queryFn: () => unwrap(api.GET('/api/calls/{id}/recordings', { params: { path: { id: callId } } })),
  });
  const stored = recordings.data?.data.find((recording) => recording.url);
  return (
    <Section title={t('calls.recording')}>
      <Answered query={recordings}>
        {() =>
          stored?.url ? (
            <div dir="ltr">
              {/* Its words are the transcript below. */}
              <audio ref={player} className={classes.player} src={stored.url} controls preload="metadata" data-testid="recording" aria-label={t('calls.recording')} />
            </div>
          ) : (
            <Text c="dimmed">{t(isOver ? 'calls.noRecording' : 'calls.recordingLater')}</Text>
          )
        }
      </Answered>
    </Section>
  );
}

function Said({ callId, isOver, seek }: { callId: string; isOver: boolean; seek: (ms: number) => void }) {
  const { t } = useTranslation();
  const transcript = useQuery({
    queryKey: ['call', 'transcript', callId],
    queryFn: () => unwrap(api.GET('/api/calls/{id}/transcript', { params: { path: { id: callId } } })),
  });
  return (
    <Section title={t('calls.transcript')}>
      <Answered query={transcript}>
        {() =>
          transcript.data?.data.length ? (
            <ol className={classes.lines}>
              {transcript.data.data.map((line) => (
                <Line key={line.seq} line={line} seek={seek} />
              ))}
            </ol>
          ) : (
            <Empty text={t(isOver ? 'calls.noTranscript' : 'calls.transcriptLater')} />
          )
        }
      </Answered>
    </Section>
  );
}

function Line({ line, seek }: { line: Schemas['TranscriptLine']; seek: (ms: number) => void }) {
  const { t } = useTranslation();
  const whisper = whisperIn(line);
  return (
    <li>
      <button type="button" className={classes.line} data-speaker={line.speaker} data-testid="transcript-line" data-at-ms={line.at_ms} onClick={() => seek(line.at_ms)}>
        <span className={classes.speaker}>
          {whisper === undefined ? t(`calls.speaker.${line.speaker}`, { defaultValue: line.speaker }) : t('live.whispered')}{' '}
          <Whole>
            · <Ltr>{duration(line.at_ms)}</Ltr>
          </Whole>
          {line.interrupted && ' '}
          {line.interrupted && <Whole>· {t('calls.interrupted')}</Whole>}
        </span>
        <span dir="auto" className={classes.text}>
          {whisper ?? line.text}
        </span>
      </button>
    </li>
  );
}
