import type { LeadFilter } from './data';

/** A filter that somebody gave a name. Kept by this browser, for one user in one business. */
export interface SavedView {
  name: string;
  filter: LeadFilter;
}

const MOST = 20;
const FIELDS = ['q', 'stage', 'tag', 'assignee', 'sort'] as const;

/** Where the views of a user in a business are kept. */
export function viewsKey(user: string, business: string): string {
  return `prosaas-views:${business}:${user}`;
}

/** Reads what was kept; anything else in there is nothing. */
export function readViews(text: string | null): SavedView[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.flatMap(readView).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function readView(value: unknown): SavedView[] {
  if (typeof value !== 'object' || value === null) return [];
  const { name, filter } = value as { name?: unknown; filter?: unknown };
  if (typeof name !== 'string' || name === '' || typeof filter !== 'object' || filter === null) return [];
  return [{ name, filter: pick(filter) }];
}

/** What of an address is the filter. */
export function pick(search: Partial<Record<string, unknown>>): LeadFilter {
  const known = FIELDS.flatMap((field) => (typeof search[field] === 'string' && search[field] !== '' ? [[field, search[field]]] : []));
  return Object.fromEntries(known) as LeadFilter;
}

/** Where the leads that a filter lets through come as a file. */
export function exportOf(filter: LeadFilter, language: string): string {
  const { q, stage, tag, assignee, sort } = filter;
  const asked = { q, stage_id: stage, tag_id: tag, assignee_id: assignee, sort, language };
  const known = Object.entries(asked).flatMap(([name, value]): [string, string][] => (value ? [[name, value]] : []));
  return `/api/crm/leads/export?${new URLSearchParams(known).toString()}`;
}

/** The views with one more; one of the same name is replaced. */
export function withView(views: readonly SavedView[], view: SavedView): SavedView[] {
  return [...views.filter((one) => one.name !== view.name), view].slice(-MOST);
}
