import { useTranslation } from 'react-i18next';

import { type Message, mediaOf, showSize } from '@/shared/data/chat';

import { Ltr, Own } from './Bidi';
import classes from './MessageBody.module.css';
import { IconFile, IconPin } from './icons';

/** Kinds of messages that hold a file. Their bytes are not served by the API: the phone has them. */
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
    return (
      <span className={classes.file} title={t('inbox.onPhone')}>
        <IconFile />
        <span>
          {t(`inbox.kind.${kind}`)}
          {media.file_name && (
            <>
              {': '}
              <Own>{media.file_name}</Own>
            </>
          )}
          {typeof media.bytes === 'number' && (
            <>
              {' · '}
              <Ltr>{showSize(media.bytes)}</Ltr>
            </>
          )}
          <small>{t('inbox.onPhone')}</small>
        </span>
      </span>
    );
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
