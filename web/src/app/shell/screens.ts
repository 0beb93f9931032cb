import type { ComponentType } from 'react';

import { IconAgent, IconCalendar, IconDeal, IconLink, IconLog, IconMoney, IconPeople, IconPerson, IconPhone, IconTask, IconToday, IconTrash } from '@/shared/ui/icons';

/** A screen as the menus list it. */
export interface Screen {
  to: '/' | '/leads' | '/calls' | '/tasks' | '/calendar' | '/deals' | '/payments' | '/users' | '/agent' | '/connections' | '/trash' | '/audit' | '/profile';
  name: string;
  icon: ComponentType<{ size?: number }>;
  /** The right it needs; none for one's own account. */
  needs?: string;
  /** Whether phones have it in the bar at the bottom. */
  isDaily?: boolean;
}

export const SCREENS: readonly Screen[] = [
  { to: '/', name: 'nav.today', icon: IconToday, needs: 'business:read', isDaily: true },
  { to: '/leads', name: 'nav.leads', icon: IconPeople, needs: 'leads:read', isDaily: true },
  { to: '/calls', name: 'nav.calls', icon: IconPhone, needs: 'calls:read', isDaily: true },
  { to: '/tasks', name: 'nav.tasks', icon: IconTask, needs: 'tasks:read', isDaily: true },
  { to: '/calendar', name: 'nav.calendar', icon: IconCalendar, needs: 'tasks:read' },
  { to: '/deals', name: 'nav.deals', icon: IconDeal, needs: 'deals:read' },
  { to: '/payments', name: 'nav.payments', icon: IconMoney, needs: 'payments:read' },
  { to: '/agent', name: 'nav.agent', icon: IconAgent, needs: 'business:read' },
  { to: '/connections', name: 'nav.connections', icon: IconLink, needs: 'business:read' },
  { to: '/users', name: 'nav.users', icon: IconPeople, needs: 'users:write' },
  { to: '/trash', name: 'nav.trash', icon: IconTrash, needs: 'leads:read' },
  { to: '/audit', name: 'nav.audit', icon: IconLog, needs: 'audit:read' },
  { to: '/profile', name: 'nav.profile', icon: IconPerson },
];

/** The screens that somebody with these rights can use. */
export function screensFor(permissions: readonly string[]): Screen[] {
  return SCREENS.filter((screen) => screen.needs === undefined || permissions.includes(screen.needs));
}
