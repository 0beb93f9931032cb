import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import type { Conversation } from '@/shared/data/chat';
import { useMemberName } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { clockTime, dayName } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { Answered, Empty, Unanswered } from '@/shared/ui/Page';

import { Bubble } from './Bubble';
import classes from './Inbox.module.css';
import { useMessages } from './data';
import { entriesOf } from './thread';

/** How near to the end somebody reads, in pixels, for what is new to be scrolled to. */
const NEAR = 120;

/** What was written, the oldest first, with the team's own notes between. */
export function Messages({ conversation }: { conversation: Conversation }) {
  const { t, i18n } = useTranslation();
  const { id, lead_id } = conversation;
  const messages = useMessages(id);
  const notes = useNotes(lead_id ?? undefined);
  const entries = entriesOf(messages.rows, notes.data?.data ?? [], messages.hasNextPage);
  const scroller = useStaysAtEnd(entries.at(-1)?.id, entries.length);
  return (
    // Scrolled by the keyboard as well.
    <div ref={scroller} className={classes.messages} tabIndex={0} role="log" aria-label={t('inbox.messages')}>
      <Answered query={messages}>
        {() => (
          <>
            {messages.hasNextPage && (
              <Button variant="default" size="sm" className={classes.older} loading={messages.isFetchingNextPage} onClick={() => void messages.fetchNextPage()}>
                {t('inbox.older')}
              </Button>
            )}
            {entries.length === 0 && !notes.isLoading && <Empty text={t('inbox.noMessages')} />}
            <ol>
              {entries.map((entry) => (
                <li key={entry.id} className={classes.entry} data-side={entry.shown?.message.direction ?? 'note'}>
                  {entry.beginsDay && <span className={classes.day}>{dayName(new Date(entry.at), i18n.language)}</span>}
                  {entry.shown ? <Bubble shown={entry.shown} conversation={conversation} /> : entry.note && <NoteBubble note={entry.note} />}
                </li>
              ))}
            </ol>
            <Unanswered query={notes} />
          </>
        )}
      </Answered>
    </div>
  );
}

/** The team's notes about the lead; nothing for those who may not see leads. */
function useNotes(lead_id: string | undefined) {
  const may = useMay();
  return useQuery({
    queryKey: ['note', lead_id],
    queryFn: () => unwrap(api.GET('/api/crm/notes', { params: { query: { lead_id: lead_id ?? '', limit: 200 } } })),
    enabled: lead_id !== undefined && may('leads:read'),
  });
}

function NoteBubble({ note }: { note: Schemas['Note'] }) {
  const { t, i18n } = useTranslation();
  const memberName = useMemberName();
  const writer = memberName(note.author_id);
  return (
    <article className={classes.bubble} data-by="note" data-testid="thread-note">
      <span className={classes.by}>
        {t('inbox.note')}
        {writer && (
          <>
            {' · '}
            <Own>{writer}</Own>
          </>
        )}
      </span>
      <p dir="auto">{note.body}</p>
      <span className={classes.at}>{clockTime(note.created_at, i18n.language)}</span>
    </article>
  );
}

/** Scrolls to the end at first, and to what is new for whoever reads there, however high the box is; older messages do not move the page. */
function useStaysAtEnd(last: string | undefined, count: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const before = useRef<{ last: string | undefined; height: number } | null>(null);
  const isNear = useRef(true);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || last === undefined) return;
    const was = before.current;
    if (was && was.last === last) {
      // Something older came above: what is read stays where it is. Notes may be there before messages are.
      box.scrollTop += box.scrollHeight - was.height;
    } else if (!was || isNear.current) {
      box.scrollTop = box.scrollHeight;
    }
    before.current = { last, height: box.scrollHeight };
  }, [last, count]);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = () => {
      isNear.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    };
    const follow = () => {
      if (isNear.current) box.scrollTop = box.scrollHeight;
    };
    // The field below grows and shrinks, and pictures have their height once they are loaded.
    const sizes = new ResizeObserver(follow);
    sizes.observe(box);
    box.addEventListener('scroll', look, { passive: true });
    box.addEventListener('load', follow, true);
    return () => {
      sizes.disconnect();
      box.removeEventListener('scroll', look);
      box.removeEventListener('load', follow, true);
    };
  }, []);
  return scroller;
}
