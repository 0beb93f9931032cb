import { useTranslation } from 'react-i18next';

import { type Message, mediaOf } from '@/shared/data/chat';

import classes from './MessageBody.module.css';
import { MessageFile } from './MessageFile';
import { IconPin } from './icons';

/** Kinds of messages that hold a file. */
const FILES = ['image', 'video', 'audio', 'voice_note', 'document', 'sticker'];
/** Other kinds that have a word of their own. */
const NAMED = ['contacts', 'reaction', 'edit', 'template'];

/** What a message says, and what came with it. */
export function MessageBody({ message, body = message.body }: { message: Pick<Message, 'kind' | 'body' | 'media'>; body?: string }) {
  return (
    <>
      <Came message={message} />
      {body !== '' && (
        <p dir="auto" className={classes.text}>
          {body}
        </p>
      )}
    </>
  );
}

function Came({ message }: { message: Pick<Message, 'kind' | 'body' | 'media'> }) {
  const { t } = useTranslation();
  const media = mediaOf(message);
  const { kind } = message;
  if (kind === 'text') return null;
  if (FILES.includes(kind)) {
    return <MessageFile message={message} media={media} />;
  }
  if (kind === 'location') {
    const { latitude, longitude } = media;
    return (
      <span className={classes.file}>
        <IconPin />
        <span>
          {t('inbox.kind.location')}
          {typeof latitude === 'number' && typeof longitude === 'number' && (
            <>
              {' · '}
              <a href={`https://www.google.com/maps?q=${latitude},${longitude}`} target="_blank" rel="noreferrer">
                {t('inbox.map')}
              </a>
            </>
          )}
        </span>
      </span>
    );
  }
  const word = NAMED.includes(kind) || kind === 'revoked' || kind === 'undecryptable' ? kind : 'other';
  return <span className={classes.kind}>{t(`inbox.kind.${word}`)}</span>;
}
