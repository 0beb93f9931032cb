import { queryOptions } from '@tanstack/react-query';

import { api, unwrap } from '@/api/client';

/** The phone on which whoever is signed in takes calls of this business over. */
export const ownPhoneQuery = queryOptions({
  queryKey: ['own-phone'],
  queryFn: () => unwrap(api.GET('/api/calls/own-phone')),
});
