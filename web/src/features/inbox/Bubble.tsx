import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Conversation, Message } from '@/shared/data/chat';
import { useMemberName } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { clockTime } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { MessageBody } from '@/shared/ui/MessageBody';

import { Ticks } from './Ticks';
import classes from './Inbox.module.css';
import { useSend } from './data';
import type { Shown } from './thread';

/** Who wrote it, as it is coloured: the other side, the agent or the system, or a person of the business. */
function sideOf(message: Message): 'contact' | 'agent' | 'person' {
  if (message.direction === 'inbound') return 'contact';
  return ['agent', 'job'].includes(message.actor_kind) ? 'agent' : 'person';
}

/** One message. */
export function Bubble({ shown, conversation }: { shown: Shown; conversation: Conversation }) {
  const { t, i18n } = useTranslation();
  const { message, body, isEdited, signs, quoted } = shown;
  const by = sideOf(message);
  return (
    <article className={classes.bubble} data-by={by} data-testid="message" data-message-id={message.id} data-status={message.status}>
      {by !== 'contact' && <Writer message={message} />}
      {quoted && (
        <blockquote className={classes.quoted} dir="auto">
          {quoted.body || t(`inbox.kind.${quoted.kind}`, { defaultValue: t('inbox.kind.other') })}
        </blockquote>
      )}
      {/* What the business has read stays readable: it only says that it was taken back. */}
      {message.revoked_at && <span className={classes.by}>{t('inbox.revoked')}</span>}
      <div data-revoked={!!message.revoked_at} className={classes.words}>
        <MessageBody message={message} body={body} />
      </div>
      {signs.length > 0 && <span className={classes.signs}>{signs.join(' ')}</span>}
      <span className={classes.at}>
        {isEdited && `${t('inbox.edited')} · `}
        {clockTime(message.at, i18n.language)}
        {by !== 'contact' && <Ticks status={message.status} />}
      </span>
      {message.status === 'failed' && <Failed message={message} conversation={conversation} />}
    </article>
  );
}

function Writer({ message }: { message: Message }) {
  const { t } = useTranslation();
  const memberName = useMemberName();
  const name = memberName(message.actor_id);
  return <span className={classes.by}>{name ? <Own>{name}</Own> : t(`inbox.via.${message.actor_kind}`, { defaultValue: t('inbox.via.user') })}</span>;
}

/** Why it did not arrive, and another try: the same words as a new message. */
function Failed({ message, conversation }: { message: Message; conversation: Conversation }) {
  const { t } = useTranslation();
  const may = useMay();
  const send = useSend(conversation.id);
  return (
    <div className={classes.failed} role="alert">
      <span>{t(`inbox.failure.${message.failure?.code ?? 'other'}`, { defaultValue: t('inbox.failure.other') })}</span>
      {message.kind === 'text' && may('conversations:write') && (
        <Button size="sm" variant="default" data-testid="message-again" loading={send.isPending} onClick={() => send.mutate({ text: message.body })}>
          {t('inbox.again')}
        </Button>
      )}
    </div>
  );
}
