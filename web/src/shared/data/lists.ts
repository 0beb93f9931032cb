import { queryOptions, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';

import { type Schemas, api, unwrap } from '@/api/client';

/** Short lists that many screens name things by. */
const STALE_MS = 60_000;

export const stagesQuery = queryOptions({
  queryKey: ['stage'],
  queryFn: () => unwrap(api.GET('/api/crm/stages')).then((whole) => whole.data),
  staleTime: STALE_MS,
});

export const tagsQuery = queryOptions({
  queryKey: ['tag'],
  queryFn: () => unwrap(api.GET('/api/crm/tags')).then((whole) => whole.data),
  staleTime: STALE_MS,
});

export const membersQuery = queryOptions({
  queryKey: ['member', 'all'],
  queryFn: async () => {
    const members: Schemas['Member'][] = [];
    let cursor: string | undefined;
    do {
      const page = await unwrap(api.GET('/api/users', { params: { query: { limit: 200, cursor } } }));
      members.push(...page.data);
      cursor = page.page.next ?? undefined;
    } while (cursor);
    return members;
  },
  staleTime: STALE_MS,
});

export const customFieldsQuery = queryOptions({
  queryKey: ['custom_field'],
  queryFn: () => unwrap(api.GET('/api/crm/custom-fields')).then((whole) => whole.data),
  staleTime: STALE_MS,
});

export const pipelinesQuery = queryOptions({
  queryKey: ['pipeline'],
  queryFn: () => unwrap(api.GET('/api/crm/pipelines')).then((whole) => whole.data),
  staleTime: STALE_MS,
});

/** The stages of leads, in their order. */
export function useStages(): Schemas['Stage'][] {
  const { data } = useQuery(stagesQuery);
  return useMemo(() => [...(data ?? [])].sort((a, b) => a.position - b.position), [data]);
}

/** The tags of leads. */
export function useTags(): Schemas['Tag'][] {
  return useQuery(tagsQuery).data ?? [];
}

/** The members of the business. */
export function useMembers(): Schemas['Member'][] {
  return useQuery(membersQuery).data ?? [];
}

/** What somebody with an account is called: who was invited has no name before he has chosen one. */
export function accountName(account: Pick<Schemas['Member'], 'name' | 'email'>): string {
  return account.name || account.email;
}

/** The name of a member. */
export function useMemberName(): (id: string | null | undefined) => string | null {
  const { data } = useQuery(membersQuery);
  return useCallback(
    (id) => {
      const member = data?.find((one) => one.id === id);
      return member ? accountName(member) : null;
    },
    [data],
  );
}

/** One lead, as other records name it. */
export function leadQuery(id: string) {
  return queryOptions({
    queryKey: ['lead', 'one', id],
    queryFn: () => unwrap(api.GET('/api/crm/leads/{id}', { params: { path: { id } } })),
    staleTime: 30_000,
  });
}
