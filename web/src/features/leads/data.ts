import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap, withResponse } from '@/api/client';
import { type Listed, changed, usePages, without } from '@/shared/data/pages';
import { UNDO_MS, useToasts } from '@/shared/ui/Toasts';

export type Lead = Schemas['Lead'];

/** What a list of leads is narrowed to. */
export interface LeadFilter {
  q?: string | undefined;
  stage?: string | undefined;
  tag?: string | undefined;
  assignee?: string | undefined;
  sort?: string | undefined;
}

/** How somebody is reached beside the main number and address, which stand elsewhere. */
export function otherIdentities(identities: readonly Schemas['LeadIdentity'][], { phone, email }: Pick<Lead, 'phone' | 'email'>): Schemas['LeadIdentity'][] {
  return identities.filter(({ value }) => value !== phone && value !== email);
}

const LIST = ['lead', 'list'];

/** How many leads a page has; a table draws what is seen of them, cards are drawn all. */
const PAGE = 100;
/** How many cards a phone begins with: a hundred keep a cheap one busy for seconds. */
export const FIRST_CARDS = 20;

/** The leads that a filter lets through. */
export function useLeads(filter: LeadFilter, enabled = true, first = PAGE) {
  const { q, stage, tag, assignee, sort } = filter;
  const wanted = { q, stage_id: stage, tag_id: tag, assignee_id: assignee, sort };
  return usePages<Lead>(
    [...LIST, wanted],
    (cursor) => unwrap(api.GET('/api/crm/leads', { params: { query: { ...wanted, cursor, limit: cursor === undefined ? first : PAGE } } })),
    enabled,
  );
}

/** How many leads are in each stage. */
export function useBoard(enabled: boolean) {
  return useQuery({ queryKey: ['lead', 'board'], queryFn: () => unwrap(api.GET('/api/crm/leads/board')), enabled });
}

/** Whether a filter lets nobody through, whatever the stage: the board has a column for each. */
export function useIsNobody(filter: LeadFilter): boolean {
  const { q, tag, assignee } = filter;
  const wanted = { q, tag_id: tag, assignee_id: assignee };
  const { data } = useQuery({
    queryKey: ['lead', 'any', wanted],
    queryFn: () => unwrap(api.GET('/api/crm/leads', { params: { query: { ...wanted, limit: 1 } } })),
    enabled: Object.values(wanted).some((value) => value !== undefined),
  });
  return data?.data.length === 0;
}

type Snapshot = [readonly unknown[], Listed<Lead> | undefined][];

/** Changes every list of leads at once, and returns what was there. */
function everywhere(client: QueryClient, change: (listed: Listed<Lead> | undefined) => Listed<Lead> | undefined): Snapshot {
  const before = client.getQueriesData<Listed<Lead>>({ queryKey: LIST });
  client.setQueriesData<Listed<Lead>>({ queryKey: LIST }, change);
  return before;
}

function putBack(client: QueryClient, before: Snapshot) {
  for (const [key, listed] of before) client.setQueryData(key, listed);
}

/** Deletes a lead: it is gone from every list at once, and can be taken back for eight seconds. */
export function useDeleteLead() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  return async (lead: Pick<Lead, 'id' | 'version'>) => {
    await client.cancelQueries({ queryKey: LIST });
    const before = everywhere(client, (listed) => without(listed, lead.id));
    const params = { path: { id: lead.id }, header: ifMatch(lead.version) };
    const deletion = withResponse(api.DELETE('/api/crm/leads/{id}', { params }));
    const undo = async () => {
      try {
        const { response } = await deletion;
        const token = response.headers.get('undo-token') ?? '';
        await unwrap(api.POST('/api/crm/leads/undo', { body: { token } }));
      } catch (error) {
        toasts.fail(error);
      } finally {
        await client.invalidateQueries({ queryKey: ['lead'] });
      }
    };
    toasts.show({
      text: t('leads.deleted'),
      stays: UNDO_MS,
      action: { label: t('common.undo'), run: () => void undo() },
      mark: { 'data-testid': 'undo-toast', 'data-lead-id': lead.id },
    });
    try {
      await deletion;
    } catch (error) {
      putBack(client, before);
      toasts.fail(error);
      // Its version may be an old one: the next try has the current one.
      await client.invalidateQueries({ queryKey: ['lead'] });
    }
  };
}

/** Moves a lead to another stage at once; back again with a message when the server refuses. */
export function useMoveLead() {
  const client = useQueryClient();
  const toasts = useToasts();
  return useMutation({
    mutationFn: ({ lead, stage }: { lead: Lead; stage: string }) =>
      unwrap(api.PATCH('/api/crm/leads/{id}', { params: { path: { id: lead.id }, header: ifMatch(lead.version) }, body: { stage_id: stage } })),
    onMutate: async ({ lead, stage }) => {
      await client.cancelQueries({ queryKey: LIST });
      return everywhere(client, (listed) => changed(listed, lead.id, (row) => ({ ...row, stage_id: stage })));
    },
    onError: (error, _moved, before) => {
      if (before) putBack(client, before);
      toasts.fail(error);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['lead'] }),
  });
}
