import { useQuery } from '@tanstack/react-query';

import { type Schemas, api, unwrap } from '@/api/client';
import { waStatusQuery } from '@/shared/data/chat';
import { useMay } from '@/shared/data/me';
import type { Tone } from '@/shared/ui/Chip';

export type WaState = Schemas['WaState'];

/** How often a link that is being made is asked about: the API's own advice. Events come on top. */
const POLL_MS = 2_000;

export const codeKey = ['whatsapp', 'code'] as const;

/** Whether a state passes by itself within seconds. */
export function isPassing(state: WaState | undefined): boolean {
  return state === 'connecting' || state === 'qr' || state === 'pairing_code' || state === 'unreachable';
}

/** Whether the link is being made, so that there may be a code. */
export function isLinking(state: WaState | undefined): boolean {
  return state === 'connecting' || state === 'qr' || state === 'pairing_code';
}

/** Whether there is a link, also one that gets no answer at present and comes back by itself. */
export function isLinked(state: WaState): boolean {
  return state === 'ready' || state === 'unreachable';
}

/** Whether a new link helps only once somebody else has done something: lifted a block, or updated the server. */
export function mustWait(state: WaState): boolean {
  return state === 'banned' || state === 'outdated';
}

/**
 * Whether there is a link that can be ended, after asking. A linked account also connects, and one that never gets
 * through would otherwise hold the page; a code that is shown is stopped by its own button, without asking.
 */
export function mayUnlink(state: WaState): boolean {
  return isLinked(state) || state === 'connecting';
}

/** How a state is coloured. */
export function toneOf(state: WaState): Tone {
  switch (state) {
    case 'ready':
      return 'good';
    case 'unlinked':
      return 'quiet';
    case 'connecting':
    case 'qr':
    case 'pairing_code':
      return 'accent';
    case 'unreachable':
    case 'expired':
    case 'replaced':
      return 'warn';
    default:
      return 'bad';
  }
}

/** Where the link stands: of two answers the younger one holds. */
export function youngest(status: { state: WaState; at: number } | undefined, code: { state: WaState; at: number } | undefined): WaState | undefined {
  if (!status || !code) return (status ?? code)?.state;
  return code.at > status.at ? code.state : status.state;
}

/** The link's state, and its code for those who may link. */
export function useLink() {
  const mayManage = useMay()('business:manage');
  const status = useQuery({ ...waStatusQuery, refetchInterval: (query) => (isPassing(query.state.data?.state) ? POLL_MS : false) });
  const code = useQuery({
    queryKey: codeKey,
    queryFn: () => unwrap(api.GET('/api/wa/qr')),
    enabled: mayManage && isLinking(status.data?.state),
    refetchInterval: POLL_MS,
    // A code is never kept: neither by the browser nor here.
    gcTime: 0,
    staleTime: 0,
  });
  const state = youngest(
    status.data && { state: status.data.state, at: status.dataUpdatedAt },
    code.data && isLinking(status.data?.state) ? { state: code.data.state, at: code.dataUpdatedAt } : undefined,
  );
  return { status, state, code: code.data, codeAt: code.dataUpdatedAt };
}

/** Whole seconds until a code is replaced, counted from when the server said so. */
export function secondsLeft(code: Pick<Schemas['WaCode'], 'seconds_left'>, codeAt: number, now: number): number {
  return Math.max(0, Math.ceil((code.seconds_left ?? 0) - Math.max(0, now - codeAt) / 1000));
}

/** Eight characters as they are read out: four and four. */
export function grouped(code: string): string {
  return code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}
