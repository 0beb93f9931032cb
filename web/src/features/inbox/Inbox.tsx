import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { ApiError } from '@/api/problem';
import { type Conversation, waStatusQuery } from '@/shared/data/chat';
import { useMay } from '@/shared/data/me';
import { shortTime } from '@/shared/format/when';
import { Answered, Empty, NothingFound, Page } from '@/shared/ui/Page';
import { PeerName } from '@/shared/ui/Person';
import { MoreRows } from '@/shared/ui/Records';
import { useIsWide } from '@/shared/ui/useIsWide';

import { WhoAnswers } from './WhoAnswers';
import { Thread } from './Thread';
import { type Only, useConversations } from './data';
import classes from './Inbox.module.css';

const FILTERS = [undefined, 'unread', 'people', 'mine', 'closed'] as const;

/** Conversations by text: the list and one of them side by side where there is room, else one at a time. */
export function Inbox() {
  const { t } = useTranslation();
  const { c } = useSearch({ from: '/signed-in/inbox' });
  const isWide = useIsWide();
  if (c !== undefined && !isWide) return <Thread key={c} id={c} isAlone />;
  return (
    <Page title={t('nav.inbox')} fills>
      <NotReady />
      <div className={classes.inbox}>
        <Conversations chosen={c} />
        {isWide && (c === undefined ? <NoneChosen /> : <Thread key={c} id={c} />)}
      </div>
    </Page>
  );
}

/** What stands beside the list until one is chosen; nothing where there is none to choose. */
function NoneChosen() {
  const { t } = useTranslation();
  const { q, only } = useSearch({ from: '/signed-in/inbox' });
  const hasChoice = useConversations(only, q).rows.length > 0;
  return <div className={classes.nothing}>{hasChoice && <Empty text={t('inbox.choose')} />}</div>;
}

/** The states whose own words say that they are about WhatsApp. */
const NAMED: readonly Schemas['WaState'][] = ['connecting', 'needs_passkey', 'unreachable', 'banned'];

/** Says that nothing comes in, and leads to where that is mended. */
function NotReady() {
  const { t } = useTranslation();
  const may = useMay();
  const status = useQuery({ ...waStatusQuery, enabled: may('business:read') });
  const isMissing = status.error instanceof ApiError && status.error.code === 'whatsapp-not-configured';
  if (!isMissing && (status.data === undefined || status.data.ready)) return null;
  const state = status.data?.state ?? 'unlinked';
  return (
    <div className={classes.notReady} role="status" data-testid="inbox-not-ready">
      <span>{isMissing ? t('wa.notConfigured') : t(NAMED.includes(state) ? `wa.state.${state}` : 'inbox.notLinked')}</span>
      {!isMissing && may('business:manage') && <Link to="/whatsapp">{t('inbox.connect')}</Link>}
    </div>
  );
}

function Conversations({ chosen }: { chosen: string | undefined }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { q, only } = useSearch({ from: '/signed-in/inbox' });
  const [text, setText] = useState(q ?? '');
  const wanted = useDeferredValue(text.trim());
  useEffect(() => {
    const found = wanted.length >= 2 ? wanted : undefined;
    if (found !== q) void navigate({ to: '/inbox', search: (before) => ({ ...before, q: found }), replace: true });
  }, [wanted, q, navigate]);
  const conversations = useConversations(only, q);
  const isAll = q === undefined && only === undefined;
  const show = (value: Only) => {
    setText('');
    void navigate({ to: '/inbox', search: { c: chosen, only: value }, replace: true });
  };
  return (
    <section className={classes.list} aria-label={t('inbox.list')}>
      <div className={classes.tools}>
        <TextInput type="search" aria-label={t('inbox.search')} placeholder={t('inbox.search')} value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <div className={classes.filters} role="group" aria-label={t('inbox.show')}>
          {FILTERS.map((value) => (
            <Button key={value ?? 'all'} size="sm" variant={only === value && q === undefined ? 'filled' : 'default'} aria-pressed={only === value && q === undefined} onClick={() => show(value)}>
              {t(`inbox.only.${value ?? 'all'}`)}
            </Button>
          ))}
        </div>
      </div>
      <div className={classes.rows}>
        <Answered query={conversations}>
          {() =>
            conversations.rows.length === 0 ? (
              isAll ? <Empty text={t('inbox.empty')} /> : <NothingFound onClear={() => show(undefined)} />
            ) : (
              <ul>
                {conversations.rows.map((conversation) => (
                  <Row key={conversation.id} conversation={conversation} />
                ))}
              </ul>
            )
          }
        </Answered>
        <MoreRows query={conversations} />
      </div>
    </section>
  );
}

function Row({ conversation }: { conversation: Conversation }) {
  const { t, i18n } = useTranslation();
  return (
    <li className={classes.item} data-testid="conversation-row" data-conversation-id={conversation.id}>
      <Link to="/inbox" search={(before) => ({ ...before, c: conversation.id })} className={classes.row} data-unread={conversation.unread > 0}>
        <span className={classes.name}>
          <PeerName conversation={conversation} />
        </span>
        <span className={classes.when}>{shortTime(conversation.last_message_at, i18n.language)}</span>
        <span className={classes.state}>
          <WhoAnswers conversation={conversation} />
        </span>
        {conversation.unread > 0 && (
          <span className={classes.unread} aria-label={t('inbox.unread', { count: conversation.unread })} role="img">
            {conversation.unread > 99 ? '99+' : conversation.unread}
          </span>
        )}
      </Link>
    </li>
  );
}
