import type { QueryClient } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';

import { isSignedOut } from '@/api/problem';
import { meQuery } from '@/shared/data/me';

import { Failed, NotFound } from './Failed';
import { Shell } from './shell/Shell';

/** A string of the address's query, if it is one. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Load = () => Promise<Record<string, unknown>>;

/** The files of the screens, by their paths. */
const files = new Map<string, Load>();

/** Begins to load a screen's file before anything else is known: who is signed in is asked meanwhile. */
export function loadEarly(pathname: string): void {
  const [, first = '', second] = pathname.split('/');
  const load = files.get(pathname) ?? files.get(second === undefined ? `/${first}` : `/${first}/$id`);
  // Where it fails, the router says so when it needs the file.
  load?.().catch(() => undefined);
}

/** Every screen, each in a file of its own that is loaded when it is opened. */
export function makeRouter(client: QueryClient) {
  const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: Failed });

  const screen = (path: string, load: Load, name: string) => {
    files.set(path, load);
    return lazyRouteComponent(load as never, name as never);
  };

  const signIn = createRoute({
    getParentRoute: () => root,
    path: '/sign-in',
    validateSearch: (search: Record<string, unknown>): { to?: string } => ({ to: text(search['to']) }),
    beforeLoad: () => {
      // Whoever is known to be signed in has no business here; the back button leads here too. Nobody is asked: the form
      // would wait for the answer.
      if (client.getQueryData(meQuery.queryKey)) throw redirect({ to: '/', replace: true });
    },
    component: screen('/sign-in', () => import('@/features/auth/SignIn'), 'SignIn'),
  });
  const open = <const P extends string>(path: P, load: Load, name: string) => createRoute({ getParentRoute: () => root, path, component: screen(path, load, name) });
  const forgot = open('/forgot', () => import('@/features/auth/Forgot'), 'Forgot');
  const reset = open('/reset', () => import('@/features/auth/Reset'), 'Reset');
  const firstAdmin = open('/first-admin', () => import('@/features/auth/FirstAdmin'), 'FirstAdmin');
  const invitation = open('/invitation', () => import('@/features/auth/Invitation'), 'Invitation');

  const signedIn = createRoute({
    getParentRoute: () => root,
    id: 'signed-in',
    component: Shell,
    errorComponent: Failed,
    beforeLoad: async ({ location }) => {
      try {
        await client.ensureQueryData(meQuery);
      } catch (error) {
        if (!isSignedOut(error)) throw error;
        const to = location.href === '/' ? undefined : location.href;
        throw redirect({ to: '/sign-in', search: { to } });
      }
    },
  });
  const inside = <const P extends string>(path: P, load: Load, name: string) => createRoute({ getParentRoute: () => signedIn, path, component: screen(path, load, name) });

  const leads = createRoute({
    getParentRoute: () => signedIn,
    path: '/leads',
    validateSearch: (search: Record<string, unknown>): LeadSearch => ({
      q: text(search['q']),
      stage: text(search['stage']),
      tag: text(search['tag']),
      assignee: text(search['assignee']),
      sort: text(search['sort']),
      view: search['view'] === 'board' ? 'board' : undefined,
    }),
    component: screen('/leads', () => import('@/features/leads/Leads'), 'Leads'),
  });

  const inbox = createRoute({
    getParentRoute: () => signedIn,
    path: '/inbox',
    validateSearch: (search: Record<string, unknown>): InboxSearch => ({
      c: text(search['c']),
      q: text(search['q']),
      only: ONLY.find((only) => only === search['only']),
    }),
    component: screen('/inbox', () => import('@/features/inbox/Inbox'), 'Inbox'),
  });

  return createRouter({
    defaultPreload: 'intent',
    scrollRestoration: true,
    routeTree: root.addChildren([
      signIn,
      forgot,
      reset,
      firstAdmin,
      invitation,
      signedIn.addChildren([
        inside('/', () => import('@/features/today/Today'), 'Today'),
        leads,
        inside('/leads/import', () => import('@/features/leads/ImportLeads'), 'ImportLeads'),
        inside('/leads/$id', () => import('@/features/leads/OneLead'), 'OneLead'),
        inside('/calls', () => import('@/features/calls/Calls'), 'Calls'),
        inside('/calls/$id', () => import('@/features/calls/OneCall'), 'OneCall'),
        inbox,
        inside('/whatsapp', () => import('@/features/whatsapp/WhatsApp'), 'WhatsApp'),
        inside('/tasks', () => import('@/features/tasks/Tasks'), 'Tasks'),
        inside('/calendar', () => import('@/features/calendar/Calendar'), 'Calendar'),
        inside('/deals', () => import('@/features/deals/Deals'), 'Deals'),
        inside('/payments', () => import('@/features/payments/Payments'), 'Payments'),
        inside('/users', () => import('@/features/users/Users'), 'Users'),
        inside('/agent', () => import('@/features/agent/Agent'), 'Agent'),
        inside('/connections', () => import('@/features/connections/Connections'), 'Connections'),
        inside('/lists', () => import('@/features/lists/Lists'), 'Lists'),
        inside('/privacy', () => import('@/features/privacy/Privacy'), 'Privacy'),
        inside('/system', () => import('@/features/system/System'), 'System'),
        inside('/trash', () => import('@/features/trash/Trash'), 'Trash'),
        inside('/audit', () => import('@/features/audit/Audit'), 'Audit'),
        inside('/profile', () => import('@/features/profile/Profile'), 'Profile'),
        inside('/more', () => import('./shell/More'), 'More'),
      ]),
    ]),
  });
}

/** What the address says about the list of leads. */
export interface LeadSearch {
  q?: string;
  stage?: string;
  tag?: string;
  assignee?: string;
  sort?: string;
  view?: 'board';
}

/** What the inbox is narrowed to; everything that is not closed when nothing is said. */
const ONLY = ['unread', 'people', 'mine', 'closed'] as const;

/** What the address says about the inbox: the conversation that is open, and which ones are listed. */
export interface InboxSearch {
  c?: string;
  q?: string;
  only?: (typeof ONLY)[number];
}
