import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { Ltr, Phone } from '@/shared/ui/Bidi';
import { Facts } from '@/shared/ui/Facts';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { Answered, Notice } from '@/shared/ui/Page';
import { PersonName } from '@/shared/ui/Person';
import { useToasts } from '@/shared/ui/Toasts';
import { useAct } from '@/shared/ui/useAct';

import { otherIdentities } from './data';
import { Identities } from './Identities';

/** How long the toast offers to part the two again; over the API it can be done for 30 days. */
const UNDO_MS = 12_000;

/** Makes one lead of two: first what would come of it, then that it happens, and that it can be taken back. */
export function MergeLead({ lead, opened, onClose }: { lead: Pick<Schemas['Lead'], 'id'>; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const act = useAct();
  const [other, setOther] = useState<string | null>(null);
  const path = { id: lead.id };
  const preview = useQuery({
    queryKey: ['lead', 'merge', lead.id, other],
    queryFn: () => unwrap(api.POST('/api/crm/leads/{id}/merge/preview', { params: { path }, body: { lead_id: other ?? '' } })),
    enabled: opened && other !== null && other !== lead.id,
    staleTime: 0,
  });
  const others = preview.data ? otherIdentities(preview.data.identities, preview.data.lead) : [];
  const submit = async () => {
    const merged = await unwrap(api.POST('/api/crm/leads/{id}/merge', { params: { path }, body: { lead_id: other ?? '' } }));
    const undo = () => void act(['lead', 'timeline'], () => unwrap(api.POST('/api/crm/leads/merges/{id}/undo', { params: { path: { id: merged.merge_id } } })));
    setOther(null);
    toasts.show({ text: t('merge.done'), action: { label: t('common.undo'), run: undo }, stays: UNDO_MS });
    await Promise.all(['lead', 'timeline', 'note', 'task', 'call'].map((key) => client.invalidateQueries({ queryKey: [key] })));
  };
  return (
    <FormModal title={t('merge.title')} action={t('merge.go')} opened={opened} onClose={onClose} onSubmit={submit} canSubmit={preview.data !== undefined}>
      <LeadPicker name="lead_id" label={t('merge.other')} value={other} onChange={setOther} except={lead.id} required />
      {other !== null && (
        <Answered query={preview}>
          {() =>
            preview.data && (
              <>
                <Notice tone="quiet">{t('merge.hint')}</Notice>
                <Facts
                  facts={[
                    [t('leads.name'), <PersonName key="name" person={preview.data.lead} />],
                    [t('leads.phone'), preview.data.lead.phone && <Phone number={preview.data.lead.phone} />],
                    [t('auth.email'), preview.data.lead.email && <Ltr>{preview.data.lead.email}</Ltr>, true],
                    [t('leads.intent'), preview.data.lead.intent],
                    [t('leads.identities'), others.length > 0 && <Identities of={others} />, true],
                  ]}
                />
              </>
            )
          }
        </Answered>
      )}
    </FormModal>
  );
}
