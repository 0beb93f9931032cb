import { api, unwrap } from '@/api/client';

import type { Me } from './me';

const CHANNEL = 'prosaas-session';

/** What one tab tells the others: who is signed in now, or that nobody is. */
interface News {
  who: string | null;
}

/** Who is signed in and for which business, in one word. What a tab shows belongs to it alone. */
export function identityOf({ id, working_in }: Pick<Me, 'id' | 'working_in'>): string {
  return `${id} ${working_in ?? ''}`;
}

/** Looks up whose data this tab shows; nobody's before anybody has signed in. */
type Known = () => string | null;

let leavingTo: string | null = null;
const watchers = new Set<() => void>();

/** Where this tab is being led, once it has to forget what it shows. */
export function whereTo(): string | null {
  return leavingTo;
}

/** Calls `changed` when the tab has to forget what it shows; returns what ends that. */
export function watchLeaving(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** Takes everything off the screen at once and loads the page anew: nothing that was in memory outlives it. */
export function leave(path: string): void {
  if (leavingTo !== null) return;
  leavingTo = path;
  globalThis.prosaasEarly?.clear();
  for (const changed of watchers) changed();
}

let opened: BroadcastChannel | null = null;

/** One for the whole tab: a channel does not hear what it said itself. */
function channel(): BroadcastChannel {
  opened ??= new BroadcastChannel(CHANNEL);
  return opened;
}

/** Tells the other tabs who is signed in now, or that nobody is. */
export function announce(who: string | null): void {
  channel().postMessage({ who } satisfies News);
}

/** Leaves when another tab says that somebody else is signed in, or nobody; returns what ends that. */
export function listen(known: Known): () => void {
  const hear = ({ data }: MessageEvent<News>) => {
    const shown = known();
    if (shown === null || data.who === shown) return;
    leave(data.who === null ? '/sign-in' : '/');
  };
  channel().addEventListener('message', hear);
  return () => channel().removeEventListener('message', hear);
}

/**
 * Hides the page while the browser keeps it for its back button, and shows it again only to whom it belongs; returns
 * what ends that.
 */
export function guardReturn(known: Known): () => void {
  const hide = ({ persisted }: PageTransitionEvent) => {
    if (persisted) document.body.hidden = true;
  };
  const show = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return;
    document.body.hidden = true;
    void unwrap(api.GET('/api/auth/me')).then(identityOf, () => null).then((now) => {
      if (leavingTo === null && now === known()) document.body.hidden = false;
      else location.reload();
    });
  };
  addEventListener('pagehide', hide);
  addEventListener('pageshow', show);
  return () => {
    removeEventListener('pagehide', hide);
    removeEventListener('pageshow', show);
  };
}
