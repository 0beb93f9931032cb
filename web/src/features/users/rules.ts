import type { Schemas } from '@/api/client';

/** Why a member cannot be removed. The server decides; this only says it beforehand. */
export type Reason = 'self' | 'sole-owner';

/** Whether `member` may be removed by `self`, and why not. */
export function whyNotRemoved(member: Schemas['Member'], members: readonly Schemas['Member'][], self: string): Reason | null {
  if (member.id === self) return 'self';
  const owners = members.filter((one) => one.role === 'owner' && one.status === 'active');
  if (member.role === 'owner' && member.status === 'active' && owners.length === 1) return 'sole-owner';
  return null;
}

/** Who may take over the records of a removed member: whoever works here and may change them. */
export function heirsOf(member: Schemas['Member'], members: readonly Schemas['Member'][]): Schemas['Member'][] {
  return members.filter((one) => one.id !== member.id && one.status === 'active' && one.role !== 'viewer');
}
