import { type QueryClient, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { type Schemas, api, unwrap } from '@/api/client';
import { type Conversation, type Message, changeConversation } from '@/shared/data/chat';
import { type Listed, changed, usePages } from '@/shared/data/pages';
import { useMe } from '@/shared/data/me';
import { useToasts } from '@/shared/ui/Toasts';

/** What the inbox is narrowed to. */
export type Only = 'unread' | 'people' | 'mine' | 'closed' | undefined;

const LIST = ['conversation', 'list'];

function filterOf(only: Only) {
  switch (only) {
    case 'unread':
      return { unread: true };
    case 'people':
      return { agent: false };
    case 'mine':
      return { mine: true };
    case 'closed':
      return { status: 'closed' as const };
    default:
      return {};
  }
}

/** The conversations, the one with the newest message first; or those found by words. */
export function useConversations(only: Only, q: string | undefined) {
  return usePages<Conversation>([...LIST, { only, q }], (cursor) =>
    q === undefined
      ? unwrap(api.GET('/api/conversations', { params: { query: { ...filterOf(only), cursor, limit: 50 } } }))
      : unwrap(api.GET('/api/conversations/search', { params: { query: { q } } })),
  );
}

/** One conversation. */
export function conversationQuery(id: string) {
  return queryOptions({
    queryKey: ['conversation', 'one', id],
    queryFn: () => unwrap(api.GET('/api/conversations/{id}', { params: { path: { id } } })),
  });
}

const messagesKey = (id: string) => ['conversation', 'messages', id];

/** The messages of a conversation, the newest first. */
export function useMessages(id: string) {
  return usePages<Message>(messagesKey(id), (cursor) => unwrap(api.GET('/api/conversations/{id}/messages', { params: { path: { id }, query: { cursor, limit: 50 } } })));
}

/** Puts a conversation as the server has it into every place that shows it. */
function keep(client: QueryClient, conversation: Conversation) {
  client.setQueryData(conversationQuery(conversation.id).queryKey, conversation);
  client.setQueriesData<Listed<Conversation>>({ queryKey: LIST }, (listed) => changed(listed, conversation.id, () => conversation));
}

/** What the console shows of a change before the server has answered. */
function foreseen(conversation: Conversation, change: Schemas['ConversationPatch']): Conversation {
  const paused = change.agent_paused;
  return {
    ...conversation,
    ...(paused === undefined ? {} : { agent_paused: paused, paused_reason: paused ? (conversation.paused_reason ?? 'switched') : null }),
    ...(change.assignee_id === undefined ? {} : { assignee_id: change.assignee_id }),
    ...(change.status === undefined ? {} : { status: change.status }),
  };
}

/** Takes over, gives back, assigns, closes: at once, and back with a message when the server refuses. */
export function useChangeConversation(conversation: Conversation) {
  const client = useQueryClient();
  const toasts = useToasts();
  return useMutation({
    mutationFn: (body: Schemas['ConversationPatch']) => changeConversation(conversation, body),
    onMutate: (body) => {
      keep(client, foreseen(conversation, body));
      return conversation;
    },
    onSuccess: (after) => keep(client, after),
    onError: (error, _body, before) => {
      if (before) keep(client, before);
      toasts.fail(error);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['conversation'] }),
  });
}

/** Hands a file in as it is; the message that names it sends it. */
export function useUpload(id: string) {
  const toasts = useToasts();
  return useMutation({
    mutationFn: (file: File) =>
      unwrap(
        api.POST('/api/conversations/{id}/files', {
          params: { path: { id } },
          body: file as unknown as number[],
          bodySerializer: (body) => body as unknown as File,
          headers: { 'content-type': 'application/octet-stream' },
        }),
      ),
    onError: (error) => toasts.fail(error),
  });
}

/** What a message is shown as before the server has answered. */
function kindOf(body: Schemas['NewMessage']): string {
  if (body.file) return 'document';
  return body.template ? 'template' : 'text';
}

let sending = 0;

/** Writes a message: it stands in the thread at once, and is taken back when the server refuses it. */
export function useSend(id: string) {
  const client = useQueryClient();
  const me = useMe();
  const toasts = useToasts();
  return useMutation({
    mutationFn: (body: Schemas['NewMessage']) => unwrap(api.POST('/api/conversations/{id}/messages', { params: { path: { id } }, body })),
    onMutate: async (body) => {
      await client.cancelQueries({ queryKey: messagesKey(id) });
      const before = client.getQueryData<Listed<Message>>(messagesKey(id));
      sending += 1;
      const waiting: Message = {
        id: `sending-${sending}`,
        conversation_id: id,
        direction: 'outbound',
        kind: kindOf(body),
        media: body.file ? { file_name: body.file.name ?? undefined, state: 'waiting' } : null,
        body: body.text ?? body.template?.parameters?.join('\n') ?? '',
        status: 'queued',
        actor_kind: 'user',
        actor_id: me.id,
        at: new Date().toISOString(),
        version: 0,
      };
      client.setQueryData<Listed<Message>>(messagesKey(id), (listed) => withNewest(listed, waiting));
      return before;
    },
    onError: (error, _body, before) => {
      client.setQueryData(messagesKey(id), before);
      toasts.fail(error);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['conversation'] }),
  });
}

function withNewest(listed: Listed<Message> | undefined, message: Message): Listed<Message> | undefined {
  const [first, ...rest] = listed?.pages ?? [];
  if (!listed || !first) return listed;
  return { ...listed, pages: [{ ...first, data: [message, ...first.data] }, ...rest] };
}
