import type { Schemas } from '@/api/client';
import type { Conversation } from '@/shared/data/chat';

type Call = Schemas['Call'];

/** Somebody who waits: a caller whom nobody heard, or a person whose message nobody answered. */
export type Waiting = { kind: 'call'; id: string; at: string; call: Call } | { kind: 'conversation'; id: string; at: string; conversation: Conversation };

/** How long the agent has for its answer before its silence counts, in milliseconds. */
const GRACE_MS = 5 * 60_000;

/** Whether a message waits for an answer. What the agent has just been asked does not yet. */
export function waits(conversation: Conversation, now: number): boolean {
  if (conversation.status !== 'open' || !conversation.last_inbound_at) return false;
  return conversation.agent_paused || now - Date.parse(conversation.last_inbound_at) >= GRACE_MS;
}

/** Everybody who waits, who tried last first. */
export function whoWaits(calls: readonly Call[], conversations: readonly Conversation[], now: number): Waiting[] {
  const waiting: Waiting[] = [
    ...calls.map((call) => ({ kind: 'call' as const, id: call.id, at: call.started_at, call })),
    ...conversations
      .filter((conversation) => waits(conversation, now))
      .map((conversation) => ({ kind: 'conversation' as const, id: conversation.id, at: conversation.last_inbound_at ?? conversation.last_message_at, conversation })),
  ];
  return waiting.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

/** For how long, in the largest whole unit. */
export function waitedFor(at: string, now: number): { unit: 'minutes' | 'hours' | 'days'; count: number } {
  const minutes = Math.max(0, Math.floor((now - Date.parse(at)) / 60_000));
  if (minutes < 60) return { unit: 'minutes', count: minutes };
  if (minutes < 24 * 60) return { unit: 'hours', count: Math.floor(minutes / 60) };
  return { unit: 'days', count: Math.floor(minutes / (24 * 60)) };
}
