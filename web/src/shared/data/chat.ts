import { queryOptions } from '@tanstack/react-query';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';

export type Conversation = Schemas['Conversation'];
export type Message = Schemas['Message'];

/** The newest conversations of a lead. */
export function conversationsOf(lead_id: string) {
  return queryOptions({
    queryKey: ['conversation', 'of', lead_id],
    queryFn: () => unwrap(api.GET('/api/conversations', { params: { query: { lead_id, limit: 20 } } })).then((page) => page.data),
    staleTime: 30_000,
  });
}

/** What somebody saw of a conversation when he decided about it. */
type Seen = Pick<Conversation, 'id' | 'version' | 'unread' | 'last_inbound_at'>;

/**
 * Changes a conversation. Every message makes a new version of it, and hardly any is about what is changed by hand: so
 * it is asked once more with the newest one. But nobody closes over what he has not seen: then it stays as it is, and
 * the error says whether a message came in.
 */
export async function changeConversation(seen: Seen, body: Schemas['ConversationPatch']): Promise<Conversation> {
  const { id } = seen;
  const patch = (at: number) => unwrap(api.PATCH('/api/conversations/{id}', { params: { path: { id }, header: ifMatch(at) }, body }));
  try {
    return await patch(seen.version);
  } catch (error) {
    if (!isStale(error)) throw error;
    const newest = await unwrap(api.GET('/api/conversations/{id}', { params: { path: { id } } }));
    if (body.status !== 'closed') return await patch(newest.version);
    throw hasHeardMore(seen, newest) ? new ApiError({ ...error.problem, code: 'message-arrived' }) : error;
  }
}

/** Whether a change was meant for a version that is not the newest any more. */
function isStale(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.code === 'version-conflict' || error.status === 412);
}

/** Whether the other side wrote since then: what came late is older than what was seen, and unread. */
function hasHeardMore(seen: Seen, newest: Conversation): boolean {
  return newest.last_inbound_at !== seen.last_inbound_at || newest.unread > seen.unread;
}

/** Where the business's WhatsApp stands. */
export const waStatusQuery = queryOptions({
  queryKey: ['whatsapp', 'status'],
  queryFn: () => unwrap(api.GET('/api/wa/status')),
  // That the installation has no way to WhatsApp does not change by asking again.
  retry: false,
});

/** A file, place or sign that came with a message: what the API says depends on the kind. */
export type Media = Schemas['MessageMedia'];

/** What came with a message. */
export function mediaOf(message: Pick<Message, 'media'>): Media {
  return message.media ?? {};
}

/** A size as people say it. */
export function showSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${Math.round(kilo)} KB` : `${(kilo / 1024).toFixed(1)} MB`;
}
