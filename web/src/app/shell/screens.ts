import type { ComponentType } from 'react';

import type { Me } from '@/shared/data/me';
import { IconAgent, IconBuilding, IconCalendar, IconChat, IconDeal, IconLink, IconLog, IconMoney, IconPeople, IconPerson, IconPhone, IconShield, IconStaff, IconTag, IconTask, IconToday, IconTrash, IconWhatsApp } from '@/shared/ui/icons';

/** A screen as the menus list it. */
export interface Screen {
  to: '/' | '/leads' | '/calls' | '/inbox' | '/whatsapp' | '/tasks' | '/calendar' | '/deals' | '/payments' | '/users' | '/agent' | '/connections' | '/lists' | '/privacy' | '/system' | '/trash' | '/audit' | '/profile';
  name: string;
  icon: ComponentType<{ size?: number }>;
  /** The right it needs; none for one's own account. */
  needs?: string;
  /** Whether only those who administer the installation have it. */
  isForAdmins?: boolean;
  /** Whether phones have it in the bar at the bottom. */
  isDaily?: boolean;
}

export const SCREENS: readonly Screen[] = [
  { to: '/', name: 'nav.today', icon: IconToday, needs: 'business:read', isDaily: true },
  { to: '/leads', name: 'nav.leads', icon: IconPeople, needs: 'leads:read', isDaily: true },
  { to: '/calls', name: 'nav.calls', icon: IconPhone, needs: 'calls:read', isDaily: true },
  { to: '/inbox', name: 'nav.inbox', icon: IconChat, needs: 'conversations:read', isDaily: true },
  { to: '/tasks', name: 'nav.tasks', icon: IconTask, needs: 'tasks:read', isDaily: true },
  { to: '/calendar', name: 'nav.calendar', icon: IconCalendar, needs: 'tasks:read' },
  { to: '/deals', name: 'nav.deals', icon: IconDeal, needs: 'deals:read' },
  { to: '/payments', name: 'nav.payments', icon: IconMoney, needs: 'payments:read' },
  { to: '/agent', name: 'nav.agent', icon: IconAgent, needs: 'business:read' },
  { to: '/whatsapp', name: 'nav.whatsapp', icon: IconWhatsApp, needs: 'business:manage' },
  { to: '/connections', name: 'nav.connections', icon: IconLink, needs: 'business:read' },
  { to: '/users', name: 'nav.users', icon: IconStaff, needs: 'users:write' },
  { to: '/lists', name: 'nav.lists', icon: IconTag, needs: 'business:manage' },
  { to: '/privacy', name: 'nav.privacy', icon: IconShield, needs: 'privacy:read' },
  { to: '/trash', name: 'nav.trash', icon: IconTrash, needs: 'leads:read' },
  { to: '/audit', name: 'nav.audit', icon: IconLog, needs: 'audit:read' },
  { to: '/system', name: 'nav.system', icon: IconBuilding, isForAdmins: true },
  { to: '/profile', name: 'nav.profile', icon: IconPerson },
];

/** The screens that somebody with these rights can use. */
export function screensFor({ permissions, system_admin }: Pick<Me, 'permissions' | 'system_admin'>): Screen[] {
  return SCREENS.filter(({ needs, isForAdmins = false }) => (needs === undefined || permissions.includes(needs)) && (!isForAdmins || system_admin));
}

/** What of them a phone's bar holds: those of every day, or all where none is. */
export function barOf(screens: Screen[]): Screen[] {
  const daily = screens.filter((screen) => screen.isDaily);
  return daily.length > 0 ? daily : screens;
}
