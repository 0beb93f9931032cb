import { ActionIcon, Button, Menu } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import type { Conversation } from '@/shared/data/chat';
import { accountName, useMemberName, useMembers } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own, Turned } from '@/shared/ui/Bidi';
import { Answered } from '@/shared/ui/Page';
import { PersonName, personText, usePeer } from '@/shared/ui/Person';
import { useToasts } from '@/shared/ui/Toasts';
import { IconBack, IconMore } from '@/shared/ui/icons';

import { Composer } from './Composer';
import classes from './Inbox.module.css';
import { Messages } from './Messages';
import { WhoAnswers } from './WhoAnswers';
import { conversationQuery, useChangeConversation } from './data';

/** One conversation: who it is, who answers, what was written, and the field to write. */
export function Thread({ id, isAlone = false }: { id: string; isAlone?: boolean }) {
  const { t } = useTranslation();
  const conversation = useQuery(conversationQuery(id));
  useRead(conversation.data);
  return (
    <section className={classes.thread} data-alone={isAlone} aria-label={t('inbox.messages')} data-testid="thread" data-conversation-id={id}>
      <Answered query={conversation}>
        {() =>
          conversation.data && (
            <>
              <Head conversation={conversation.data} isAlone={isAlone} />
              <Messages conversation={conversation.data} />
              <Composer conversation={conversation.data} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

function subscribe(changed: () => void) {
  document.addEventListener('visibilitychange', changed);
  return () => document.removeEventListener('visibilitychange', changed);
}

/** Notes that what is shown was read, for those who may. Nobody reads in a tab that is not seen. */
function useRead(conversation: Conversation | undefined) {
  const mayWrite = useMay()('conversations:write');
  const client = useQueryClient();
  const id = conversation?.id;
  const isSeen = useSyncExternalStore(subscribe, () => document.visibilityState === 'visible');
  const waits = mayWrite && isSeen && (conversation?.unread ?? 0) > 0;
  const version = conversation?.version;
  useEffect(() => {
    if (!waits || id === undefined) return;
    const read = async () => {
      try {
        await unwrap(api.POST('/api/conversations/{id}/read', { params: { path: { id } } }));
        await client.invalidateQueries({ queryKey: ['conversation'] });
      } catch {
        // It stays unread, and the next look tries again.
      }
    };
    void read();
  }, [waits, id, version, client]);
}

function Head({ conversation, isAlone }: { conversation: Conversation; isAlone: boolean }) {
  const { t } = useTranslation();
  const may = useMay();
  const memberName = useMemberName();
  const peer = usePeer(conversation);
  const Heading = isAlone ? 'h1' : 'h2';
  const name = <PersonName person={peer} />;
  const title = personText(peer, t('nav.inbox'));
  useEffect(() => {
    if (isAlone) document.title = `${title} · ProSaaS`;
  }, [isAlone, title]);
  const assignee = memberName(conversation.assignee_id);
  return (
    <header className={classes.head}>
      {isAlone && (
        <ActionIcon renderRoot={(props) => <Link to="/inbox" search={(before) => ({ ...before, c: undefined })} {...props} />} className={classes.back ?? ''} size={44} variant="subtle" aria-label={t('inbox.back')}>
          <Turned>
            <IconBack />
          </Turned>
        </ActionIcon>
      )}
      <Heading className={classes.title}>
        {conversation.lead_id && may('leads:read') ? (
          <Link to="/leads/$id" params={{ id: conversation.lead_id }}>
            {name}
          </Link>
        ) : (
          name
        )}
      </Heading>
      <div className={classes.facts}>
        <WhoAnswers conversation={conversation} />
        {assignee && (
          <span>
            {t('inbox.assignee')} <Own>{assignee}</Own>
          </span>
        )}
      </div>
      {may('conversations:write') && (
        <>
          <TakeOver conversation={conversation} />
          <More conversation={conversation} />
        </>
      )}
    </header>
  );
}

/** Takes the conversation over from the agent, or gives it back: one tap. */
function TakeOver({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  const toasts = useToasts();
  const change = useChangeConversation(conversation);
  const isPaused = conversation.agent_paused;
  const turn = () => change.mutate({ agent_paused: !isPaused }, { onSuccess: () => toasts.show({ text: t(isPaused ? 'inbox.gaveBack' : 'inbox.tookOver') }) });
  return (
    <Button size="sm" variant={isPaused ? 'default' : 'filled'} className={classes.take} data-testid={isPaused ? 'give-back' : 'take-over'} onClick={turn}>
      {t(isPaused ? 'inbox.giveBack' : 'inbox.takeOver')}
    </Button>
  );
}

/** Chosen where nobody has it. */
const NOBODY = '';

/** Who has it, and that it is over. */
function More({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  const change = useChangeConversation(conversation);
  const members = useMembers().filter((member) => member.status === 'active');
  const isClosed = conversation.status === 'closed';
  return (
    <Menu position="bottom-end" withinPortal checkIcon={<span aria-hidden="true">✓</span>}>
      <Menu.Target>
        <ActionIcon className={classes.more ?? ''} size={44} variant="subtle" aria-label={t('common.actions')} data-testid="conversation-actions">
          <IconMore />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item data-testid="conversation-close" onClick={() => change.mutate({ status: isClosed ? 'open' : 'closed' })}>
          {t(isClosed ? 'inbox.reopen' : 'inbox.close')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t('inbox.assignee')}</Menu.Label>
        <Menu.RadioGroup value={conversation.assignee_id ?? NOBODY} onChange={(id) => change.mutate({ assignee_id: id === NOBODY ? null : id })}>
          <Menu.RadioItem value={NOBODY} closeMenuOnClick>
            {t('leads.nobody')}
          </Menu.RadioItem>
          {members.map((member) => (
            <Menu.RadioItem key={member.id} value={member.id} closeMenuOnClick>
              <bdi>{accountName(member)}</bdi>
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}
