import { Button, NativeSelect } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { usePages } from '@/shared/data/pages';
import { duration, shortTime } from '@/shared/format/when';
import { Cost, Ltr, Whole, Words } from '@/shared/ui/Bidi';
import { CallLink, CallState, Caller, CallerName } from '@/shared/ui/CallRow';
import { Answered, Empty, NothingFound, Page } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';

import classes from './Calls.module.css';
import { LiveCalls } from './LiveCalls';

type Call = Schemas['Call'];

const VERDICTS = ['good', 'fair', 'poor'] as const;
const ANSWERERS = ['agent', 'person', 'voicemail', 'nobody', 'rejected'] as const;

/** How long a call took, where it is over. */
export function lengthOf(call: Call): string {
  return call.ended_at ? duration(Date.parse(call.ended_at) - Date.parse(call.started_at)) : '';
}

/** What a call costs is counted while it goes on: nothing yet is not nothing. */
export function costIsKnown(call: Call): boolean {
  return !!call.ended_at || call.cost_micro_usd > 0;
}

/** The calls, the newest first. */
export function Calls() {
  const { t, i18n } = useTranslation();
  const [answeredBy, setAnsweredBy] = useState('');
  const [urgent, setUrgent] = useState('');
  // A mail about calls that went badly leads to them.
  const [verdict, setVerdict] = useState(() => new URLSearchParams(location.search).get('verdict') ?? '');
  const filter = {
    answered_by: answeredBy === '' ? undefined : (answeredBy as Schemas['AnsweredBy']),
    urgent: urgent === '' ? undefined : urgent === 'true',
    verdict: VERDICTS.find((known) => known === verdict),
  };
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const calls = usePages<Call>(['call', 'list', filter], (cursor) => unwrap(api.GET('/api/calls', { params: { query: { ...filter, cursor, limit: 50 } } })));
  const clear = () => {
    setAnsweredBy('');
    setUrgent('');
    setVerdict('');
  };
  return (
    <Page title={t('nav.calls')}>
      <LiveCalls />
      <div className={classes.filters}>
        <NativeSelect
          aria-label={t('calls.answeredBy')}
          value={answeredBy}
          onChange={(event) => setAnsweredBy(event.currentTarget.value)}
          data={[{ value: '', label: t('calls.all') }, ...ANSWERERS.map((by) => ({ value: by, label: t(`calls.by.${by}`) }))]}
        />
        <NativeSelect
          aria-label={t('calls.urgent')}
          value={urgent}
          onChange={(event) => setUrgent(event.currentTarget.value)}
          data={[
            { value: '', label: t('calls.anyUrgency') },
            { value: 'true', label: t('calls.urgent') },
          ]}
        />
        <NativeSelect
          aria-label={t('calls.quality.title')}
          value={verdict}
          onChange={(event) => setVerdict(event.currentTarget.value)}
          data={[{ value: '', label: t('calls.quality.any') }, ...VERDICTS.map((known) => ({ value: known, label: t(`calls.quality.verdict.${known}`) }))]}
        />
      </div>
      <Answered query={calls}>
        {() =>
          calls.rows.length === 0 ? (
            isFiltered ? (
              <NothingFound onClear={clear} />
            ) : (
              <Empty text={t('calls.empty')}>
                <Button component={Link} to="/connections" variant="default">
                  {t('nav.connections')}
                </Button>
              </Empty>
            )
          ) : (
            <Records
              label={t('nav.calls')}
              card={(call) => <Card call={call} />}
              rows={calls.rows}
              idOf={(call) => call.id}
              mark={(call) => ({ 'data-testid': 'call-row', 'data-call-id': call.id })}
              columns={[
                { key: 'who', title: t('calls.who'), cell: (call) => <Caller call={call} /> },
                { key: 'at', title: t('calls.at'), cell: (call) => <CallLink call={call}>{shortTime(call.started_at, i18n.language)}</CallLink> },
                { key: 'state', title: t('calls.state'), cell: (call) => <CallState call={call} /> },
                { key: 'what', title: t('calls.what'), cell: (call) => <Words>{call.intent ?? call.summary ?? ''}</Words> },
                { key: 'length', title: t('calls.length'), cell: (call) => <Ltr>{lengthOf(call)}</Ltr>, atEnd: true },
                { key: 'cost', title: t('calls.cost'), cell: (call) => costIsKnown(call) && <Cost microUsd={call.cost_micro_usd} />, atEnd: true },
              ]}
            />
          )
        }
      </Answered>
      <MoreRows query={calls} />
    </Page>
  );
}

/** A call on a phone: the whole of it opens it. */
function Card({ call }: { call: Call }) {
  const { t, i18n } = useTranslation();
  const length = lengthOf(call);
  return (
    <Link to="/calls/$id" params={{ id: call.id }} className={classes.card}>
      <span className={classes.top}>
        <strong>
          <CallerName call={call} />
        </strong>
        <CallState call={call} />
      </span>
      <span className={classes.when}>
        {shortTime(call.started_at, i18n.language)}
        {length && (
          <>
            {' '}
            <Whole>
              · {t('calls.length')} <Ltr>{length}</Ltr>
            </Whole>
          </>
        )}
      </span>
      {(call.intent ?? call.summary) && (
        <span dir="auto" className={classes.what}>
          {call.intent ?? call.summary}
        </span>
      )}
    </Link>
  );
}
