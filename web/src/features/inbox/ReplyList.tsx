import { useTranslation } from 'react-i18next';

import classes from './Composer.module.css';
import type { Reply } from './replies';

interface Props {
  id: string;
  offered: readonly Reply[];
  chosen: number;
  /** A reply as it will be put in. */
  wordsOf: (reply: Reply) => string;
  onChoose: (reply: Reply) => void;
}

export const optionId = (listId: string, at: number) => `${listId}-${at}`;

/** The replies that are offered over the field. The focus stays in the field, which says which one is meant. */
export function ReplyList({ id, offered, chosen, wordsOf, onChoose }: Props) {
  const { t } = useTranslation();
  return (
    <>
      {/* Always there, so that what it says is heard when it changes. */}
      <div role="status" className={classes.heard}>
        {offered.length > 0 && t('inbox.replies.offered', { count: offered.length })}
      </div>
      {offered.length > 0 && (
        <ul id={id} role="listbox" aria-label={t('inbox.replies.title')} className={classes.replies} data-testid="reply-list">
          {offered.map((reply, at) => (
            // The field keeps the focus: a press would take it away before the choice.
            <li key={reply.id} id={optionId(id, at)} role="option" aria-selected={at === chosen} data-testid="reply-option" onMouseDown={(event) => event.preventDefault()} onClick={() => onChoose(reply)}>
              <bdi className={classes.readyTitle}>/{reply.shortcut}</bdi>
              <bdi className={classes.replyText}>{wordsOf(reply)}</bdi>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
