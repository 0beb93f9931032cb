import { useTranslation } from 'react-i18next';

import { type Media, type Message, showSize } from '@/shared/data/chat';

import { FileName, Ltr } from './Bidi';
import classes from './MessageBody.module.css';
import { IconFile } from './icons';

type Shown = Pick<Message, 'kind'>;

/** The file of a message: shown or played where the server says that it may be, else to be downloaded. */
export function MessageFile({ message, media }: { message: Shown; media: Media }) {
  const { t } = useTranslation();
  const { url, state, inline } = media;
  const type = media.media_type ?? '';
  const label = t(`inbox.kind.${message.kind}`, { defaultValue: t('inbox.kind.document') });
  if (!url) return <Named label={label} media={media} hint={media.over_limit ? t('inbox.file.over_limit') : state ? t(`inbox.file.${state}`) : t('inbox.onPhone')} />;
  if (inline && type.startsWith('image/')) {
    return (
      <a href={url} target="_blank" rel="noreferrer" className={classes.picture} data-testid="message-picture">
        <img src={url} alt={media.file_name ?? label} loading="lazy" />
      </a>
    );
  }
  if (inline && type.startsWith('audio/')) return <Sound label={label} url={url} media={media} />;
  if (inline && type.startsWith('video/')) {
    return <video className={classes.film} src={url} controls preload="metadata" aria-label={label} data-testid="message-film" />;
  }
  return (
    <a href={url} download={media.file_name ?? true} className={classes.link} data-testid="message-file">
      <Named label={label} media={media} hint={t('inbox.file.download')} />
    </a>
  );
}

/** Sound goes from left to right in every language; its words stand below it. */
function Sound({ label, url, media }: { label: string; url: string; media: Media }) {
  const { t } = useTranslation();
  return (
    <div>
      <div dir="ltr">
        <audio className={classes.sound} src={url} controls preload="metadata" aria-label={label} data-testid="message-sound" />
      </div>
      {media.transcript && <small className={classes.hint}>{t(`inbox.transcript.${media.transcript}`)}</small>}
    </div>
  );
}

function Named({ label, media, hint }: { label: string; media: Media; hint: string }) {
  return (
    <span className={classes.file}>
      <IconFile />
      <span>
        {label}
        {media.file_name && (
          <>
            {': '}
            <FileName name={media.file_name} />
          </>
        )}
        {typeof media.bytes === 'number' && (
          <>
            {' · '}
            <Ltr>{showSize(media.bytes)}</Ltr>
          </>
        )}
        <small>{hint}</small>
      </span>
    </span>
  );
}
