import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';

import { type Schemas, api, unwrap } from '@/api/client';

export type Me = Schemas['Me'];

/** Who is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => unwrap(api.GET('/api/auth/me')),
  staleTime: 60_000,
});

/** Who is signed in; below the routes that need somebody to be. */
export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

/** Whether whoever is signed in has a right, such as `leads:write`. */
export function useMay(): (permission: string) => boolean {
  const { permissions } = useMe();
  return (permission) => permissions.includes(permission);
}

/** The business somebody works in: its id is in the paths of its settings. */
export function useBusinessId(): string {
  return useMe().working_in ?? '';
}
