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

/**
 * Changes a conversation. Every message makes a new version of it, and none of them is about what is changed by hand:
 * so it is asked once more with the newest one.
 */
export async function changeConversation({ id, version }: Pick<Conversation, 'id' | 'version'>, body: Schemas['ConversationPatch']): Promise<Conversation> {
  const patch = (at: number) => unwrap(api.PATCH('/api/conversations/{id}', { params: { path: { id }, header: ifMatch(at) }, body }));
  try {
    return await patch(version);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'version-conflict') throw error;
    const newest = await unwrap(api.GET('/api/conversations/{id}', { params: { path: { id } } }));
    return await patch(newest.version);
  }
}

/** Where the business's WhatsApp stands. */
export const waStatusQuery = queryOptions({
  queryKey: ['whatsapp', 'status'],
  queryFn: () => unwrap(api.GET('/api/wa/status')),
  // That the installation has no way to WhatsApp does not change by asking again.
  retry: false,
});

/** A file, place or sign that came with a message: what the API says depends on the kind. */
export interface Media {
  mime_type?: string;
  file_name?: string;
  bytes?: number;
  latitude?: number;
  longitude?: number;
  to?: string;
}

/** What came with a message. */
export function mediaOf(message: Pick<Message, 'media'>): Media {
  return (message.media ?? {});
}

/** A size as people say it. */
export function showSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${Math.round(kilo)} KB` : `${(kilo / 1024).toFixed(1)} MB`;
}
