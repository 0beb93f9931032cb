import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { leadQuery } from '@/shared/data/lists';

import { Chip } from './Chip';
import { LeadLink } from './LeadLink';
import { personName } from './Person';

/** Who called: the lead where it is known, else the number, else that it was withheld. */
export function Caller({ call }: { call: Schemas['Call'] }) {
  const { t } = useTranslation();
  if (call.lead_id) return <LeadLink id={call.lead_id} known={{ phone: call.caller }} />;
  return <>{personName({ phone: call.caller }, t('calls.withheld'))}</>;
}

/** As `Caller`, without leading there: for what leads somewhere else as a whole. */
export function CallerName({ call }: { call: Schemas['Call'] }) {
  const { t } = useTranslation();
  const { data: lead, isLoading } = useQuery({ ...leadQuery(call.lead_id ?? ''), enabled: !!call.lead_id });
  const unnamed = isLoading ? '…' : t(lead ? 'leads.unnamed' : 'calls.withheld');
  return <>{personName({ ...lead, phone: lead?.phone ?? call.caller }, unnamed)}</>;
}

/** How a call went, in a word. */
export function CallState({ call }: { call: Schemas['Call'] }) {
  const { t } = useTranslation();
  if (call.urgent) return <Chip tone="bad">{t('calls.urgent')}</Chip>;
  if (!call.ended_at) return <Chip tone="accent">{t('calls.live')}</Chip>;
  const by = call.answered_by ?? 'nobody';
  const tone = by === 'agent' || by === 'person' ? 'good' : by === 'rejected' ? 'quiet' : 'warn';
  return <Chip tone={tone}>{t(`calls.by.${by}`)}</Chip>;
}

/** The link to a call. */
export function CallLink({ call, children }: { call: Schemas['Call']; children: string }) {
  return (
    <Link to="/calls/$id" params={{ id: call.id }}>
      {children}
    </Link>
  );
}
