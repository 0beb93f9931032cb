import { ActionIcon, Button, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Suspense, lazy, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { type Conversation, changeConversation } from '@/shared/data/chat';
import { useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { callLink, numberOf } from '@/shared/format/phone';
import { together } from '@/shared/ui/asked';
import { Whole, Words } from '@/shared/ui/Bidi';
import { Caller } from '@/shared/ui/CallRow';
import { Chip } from '@/shared/ui/Chip';
import { LeadLink } from '@/shared/ui/LeadLink';
import { Answered, Section } from '@/shared/ui/Page';
import { PersonName } from '@/shared/ui/Person';
import { MoreRows } from '@/shared/ui/Records';
import { UNDO_MS, useToasts } from '@/shared/ui/Toasts';
import { IconChat, IconPhone } from '@/shared/ui/icons';
import { useAct } from '@/shared/ui/useAct';
import { useNow } from '@/shared/ui/useNow';

import classes from './Rescue.module.css';
import { type Waiting, waitedFor, whoWaits } from './rescue';

type Call = Schemas['Call'];

const loadDismiss = () => import('./Dismiss').then((file) => ({ default: file.Dismiss }));
/** The window that asks for a reason. */
const Dismiss = lazy(loadDismiss);

/** Everybody who tried and was not heard. Nobody leaves but by an answer, or a reason why there will be none. */
export function Rescue() {
  const { t } = useTranslation();
  const may = useMay();
  const now = useNow();
  const calls = usePages<Call>(['call', 'waiting'], (cursor) => unwrap(api.GET('/api/calls/waiting', { params: { query: { cursor, limit: 20 } } })), may('calls:read'));
  const conversations = usePages<Conversation>(
    ['conversation', 'open'],
    (cursor) => unwrap(api.GET('/api/conversations', { params: { query: { status: 'open', cursor, limit: 20 } } })),
    may('conversations:read'),
  );
  useEffect(() => {
    // Read once the screen stands, so that it opens without the server too.
    loadDismiss().catch(() => undefined);
  }, []);
  const waiting = whoWaits(calls.rows, conversations.rows, now);
  // What may not be asked is not waited for.
  const asked = together(...(may('calls:read') ? [calls] : []), ...(may('conversations:read') ? [conversations] : []));
  // Only the newest were looked at where there are more: nobody among them is not nobody.
  const hasMore = calls.hasNextPage || conversations.hasNextPage;
  return (
    <Section title={t('rescue.title')} actions={waiting.length > 0 && <Chip tone="bad">{hasMore ? `${waiting.length}+` : waiting.length}</Chip>}>
      {/* Who is known to wait is shown at once, whatever has become of the other list. */}
      {waiting.length > 0 && (
        <ul className={classes.board} aria-label={t('rescue.title')}>
          {waiting.map((one) => (
            <Item key={one.id} one={one} now={now} />
          ))}
        </ul>
      )}
      <Answered query={asked}>{() => waiting.length === 0 && <Text c="dimmed">{t(hasMore ? 'rescue.noneYet' : 'rescue.none')}</Text>}</Answered>
      <MoreRows query={calls} />
      <MoreRows query={conversations} />
    </Section>
  );
}

function Item({ one, now }: { one: Waiting; now: number }) {
  const { t } = useTranslation();
  const waited = waitedFor(one.at, now);
  const words = one.kind === 'call' ? `rescue.why.${one.call.answered_by ?? 'nobody'}` : 'rescue.why.message';
  return (
    <li className={classes.item} data-testid="rescue-item" data-kind={one.kind} data-id={one.id}>
      <div className={classes.who}>
        <span className={classes.name}>{one.kind === 'call' ? <Caller call={one.call} /> : <Writer conversation={one.conversation} />}</span>
        <span className={classes.why}>
          {t(words)} <Whole>· {t(`rescue.for.${waited.unit}`, { count: waited.count })}</Whole>
        </span>
        {one.kind === 'call' && one.call.intent && (
          <span className={classes.why}>
            <Words>{one.call.intent}</Words>
          </span>
        )}
        {one.kind === 'call' && one.call.reply && <Reply reply={one.call.reply} />}
      </div>
      <Actions one={one} />
    </li>
  );
}

/** The message that the caller got meanwhile: he waits on, for somebody to speak with. */
function Reply({ reply }: { reply: Schemas['CallReply'] }) {
  const { t } = useTranslation();
  const state = reply.status === 'failed' ? 'failed' : reply.channel === 'sms' ? 'sms' : 'whatsapp';
  return (
    <span className={classes.why} data-testid="rescue-reply">
      <Link to="/inbox" search={{ c: reply.conversation_id }}>
        {t(`missed.reply.${state}`)}
      </Link>
    </span>
  );
}

/** Who wrote: leading to the lead where there is one. */
function Writer({ conversation }: { conversation: Conversation }) {
  const known = { name: conversation.peer_name, phone: numberOf(conversation.peer) };
  return conversation.lead_id ? <LeadLink id={conversation.lead_id} known={known} /> : <PersonName person={known} />;
}

function Actions({ one }: { one: Waiting }) {
  const { t } = useTranslation();
  const may = useMay();
  const settle = useSettle();
  const act = useAct();
  // The window is made when it is first asked for, about what was seen then: what comes in behind it was not.
  const [asked, setAsked] = useState<Waiting | null>(null);
  const [dismissing, setDismissing] = useState(false);
  const ask = () => {
    setAsked(one);
    setDismissing(true);
  };
  const maySettle = may(one.kind === 'call' ? 'calls:write' : 'conversations:write');
  return (
    <div className={classes.actions}>
      {one.kind === 'call' ? (
        one.call.caller && (
          <ActionIcon component="a" className={classes.answer} href={callLink(one.call.caller)} size={44} variant="light" aria-label={t('leads.call')}>
            <IconPhone />
          </ActionIcon>
        )
      ) : (
        <ActionIcon renderRoot={(props) => <Link to="/inbox" search={{ c: one.id }} {...props} />} className={classes.answer} size={44} variant="light" aria-label={t('rescue.answer')}>
          <IconChat />
        </ActionIcon>
      )}
      {maySettle && one.kind === 'call' && (
        <Button size="sm" variant="default" className={classes.settled} data-testid="rescue-answered" onClick={() => void act([], () => settle(one, null))}>
          {t('rescue.answered')}
        </Button>
      )}
      {maySettle && (
        <>
          <Button size="sm" variant="subtle" className={classes.dismiss} data-testid="rescue-dismiss" onClick={ask}>
            {t('rescue.dismiss')}
          </Button>
          {asked && (
            <Suspense fallback={null}>
              <Dismiss opened={dismissing} onClose={() => setDismissing(false)} onReason={(reason) => settle(asked, reason)} />
            </Suspense>
          )}
        </>
      )}
    </div>
  );
}

/** Says that somebody was answered, or why nobody will answer; it can be taken back. */
function useSettle(): (one: Waiting, reason: string | null) => Promise<void> {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const act = useAct();
  const keys = ['call', 'conversation', 'timeline'];
  const undo = (one: Waiting, after: Conversation | null) =>
    act(keys, () => (one.kind === 'call' ? unwrap(api.DELETE('/api/calls/{id}/settlement', { params: { path: { id: one.id } } })) : changeConversation(after ?? one.conversation, { status: 'open' })));
  return async (one, reason) => {
    let after: Conversation | null = null;
    if (one.kind === 'call') {
      const body: Schemas['SettleCall'] = reason === null ? { how: 'answered' } : { how: 'dismissed', reason };
      await unwrap(api.PUT('/api/calls/{id}/settlement', { params: { path: { id: one.id } }, body }));
    } else {
      after = await changeConversation(one.conversation, { status: 'closed', close_reason: reason }).catch(async (error: unknown) => {
        await client.invalidateQueries({ queryKey: ['conversation'] });
        throw error;
      });
    }
    toasts.show({ text: t(reason === null ? 'rescue.wasAnswered' : 'rescue.wasDismissed'), stays: UNDO_MS, action: { label: t('common.undo'), run: () => void undo(one, after) } });
    await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
  };
}
