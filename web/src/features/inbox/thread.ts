import type { Schemas } from '@/api/client';
import { type Message, mediaOf } from '@/shared/data/chat';

/** A message as it is shown: with what later messages say about it. */
export interface Shown {
  message: Message;
  /** Its words: the newest ones, when it was edited. */
  body: string;
  isEdited: boolean;
  /** The signs that were put on it. */
  signs: string[];
  /** The message that it quotes, if that is here. */
  quoted: Message | null;
}

/** Kinds that say something about another message. */
const ABOUT = ['reaction', 'edit', 'revoked'];

/**
 * Messages, the newest first as the API lists them, as a thread is read: the oldest first, and what says something
 * about another message is shown with that one, if it is here.
 */
export function threadOf(newestFirst: readonly Message[]): Shown[] {
  const oldestFirst = [...newestFirst].reverse();
  const byExternal = new Map(oldestFirst.flatMap((message) => (message.external_id ? [[message.external_id, message] as const] : [])));
  const shown = new Map<string, Shown>();
  const signs = new Map<string, Map<string, string>>();
  for (const message of oldestFirst) {
    const about = ABOUT.includes(message.kind) ? byExternal.get(mediaOf(message).to ?? '') : undefined;
    const target = about && shown.get(about.id);
    if (!target) {
      const quoted = byExternal.get(message.quoted_external_id ?? '') ?? null;
      shown.set(message.id, { message, body: message.body, isEdited: !!message.edited_at, signs: [], quoted });
    } else if (message.kind === 'edit' && message.direction === target.message.direction) {
      target.body = message.body;
      target.isEdited = true;
    } else if (message.kind === 'reaction') {
      // Each side has one sign on a message; an empty one takes it away.
      const ofTarget = signs.get(target.message.id) ?? new Map<string, string>();
      ofTarget.set(message.direction, message.body);
      signs.set(target.message.id, ofTarget);
      target.signs = [...ofTarget.values()].filter((sign) => sign !== '');
    }
  }
  return [...shown.values()];
}

/** Whether a day begins between the two. */
function beginsDay(at: string, before: string | undefined): boolean {
  return before === undefined || new Date(at).toDateString() !== new Date(before).toDateString();
}

const WINDOW_MS = 24 * 3_600_000;

/** Whether only an approved template may be sent. */
export function isWindowClosed(needsTemplates: boolean, lastInboundAt: string | null | undefined, now: number): boolean {
  return needsTemplates && (!lastInboundAt || now - Date.parse(lastInboundAt) >= WINDOW_MS);
}

/** What a thread shows in one place: a message, or a note of the team's. */
export interface Entry {
  id: string;
  at: string;
  beginsDay: boolean;
  shown?: Shown;
  note?: Schemas['Note'];
}

/** Messages and notes in the order in which they were written. Notes from before the messages that are here wait. */
export function entriesOf(newestFirst: readonly Message[], notes: readonly Schemas['Note'][], hasOlder: boolean): Entry[] {
  const thread = threadOf(newestFirst);
  const oldest = thread[0]?.message.at;
  const near = notes.filter((note) => !hasOlder || oldest === undefined || Date.parse(note.created_at) >= Date.parse(oldest));
  const entries = [
    ...thread.map((shown) => ({ id: shown.message.id, at: shown.message.at, shown })),
    ...near.map((note) => ({ id: note.id, at: note.created_at, note })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return entries.map((entry, index) => ({ ...entry, beginsDay: beginsDay(entry.at, entries[index - 1]?.at) }));
}
