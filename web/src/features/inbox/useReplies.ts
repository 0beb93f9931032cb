import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type RefObject, useId, useState } from 'react';

import { api, unwrap } from '@/api/client';
import type { Conversation } from '@/shared/data/chat';
import { leadQuery } from '@/shared/data/lists';
import { useMay, useMe } from '@/shared/data/me';

import { type Reply, filled, matching, slashAt } from './replies';

const NONE: readonly Reply[] = [];

interface Writing {
  conversation: Conversation;
  text: string;
  /** Where the next letter goes. */
  caret: number;
  field: RefObject<HTMLTextAreaElement | null>;
  onChange: (text: string, caret: number) => void;
}

/** The replies that are offered while a slash is typed: which, which of them is meant, and how it is put in. */
export function useReplies({ conversation, text, caret, field, onChange }: Writing) {
  const listId = useId();
  const slash = slashAt(text, caret);
  const known = useQuery({ queryKey: ['reply'], queryFn: () => unwrap(api.GET('/api/wa/replies')).then((whole) => whole.data), enabled: slash !== null, staleTime: 60_000 });
  const blanks = useBlanks(conversation);
  const [at, setAt] = useState(0);
  // What was put away with Escape stays away until the slash is gone.
  const [closedAt, setClosedAt] = useState<number | null>(null);
  if (slash === null && closedAt !== null) setClosedAt(null);
  const isClosed = slash !== null && closedAt === slash.from;
  const offered = slash && !isClosed ? matching(known.data ?? NONE, slash.typed) : NONE;
  const chosen = Math.min(at, Math.max(0, offered.length - 1));
  const wordsOf = (reply: Reply) => filled(reply.text, blanks);
  const put = (reply: Reply) => {
    if (!slash) return;
    const words = wordsOf(reply);
    const end = slash.from + words.length;
    onChange(text.slice(0, slash.from) + words + text.slice(caret), end);
    setAt(0);
    // The field has the new words once they are drawn; the caret goes behind them then.
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(end, end);
    });
  };
  /** Whether the key was meant for the list. */
  const pressed = (event: KeyboardEvent): boolean => {
    const reply = offered[chosen];
    if (!reply || !slash || event.nativeEvent.isComposing) return false;
    switch (event.key) {
      case 'ArrowDown':
        setAt((chosen + 1) % offered.length);
        return true;
      case 'ArrowUp':
        setAt((chosen + offered.length - 1) % offered.length);
        return true;
      case 'Enter':
      case 'Tab':
        if (event.shiftKey) return false;
        put(reply);
        return true;
      case 'Escape':
        setClosedAt(slash.from);
        return true;
      default:
        setAt(0);
        return false;
    }
  };
  return { listId, offered, chosen, wordsOf, put, pressed };
}

/** What fills the blanks of a reply: the names of the other side and of the business. */
function useBlanks(conversation: Conversation): { name: string; business: string } {
  const may = useMay();
  const me = useMe();
  const lead = useQuery({ ...leadQuery(conversation.lead_id ?? ''), enabled: !!conversation.lead_id && may('leads:read') });
  return {
    name: lead.data?.name ?? conversation.peer_name ?? '',
    business: me.businesses.find(({ id }) => id === me.working_in)?.name ?? '',
  };
}
