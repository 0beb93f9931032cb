import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { leadQuery } from '@/shared/data/lists';

import { Own, Phone } from './Bidi';

/** The name of a lead, leading to it. */
export function LeadLink({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery(leadQuery(id));
  // A lead that is not known yet is not one without a name.
  const unnamed = isPending ? '…' : t(data ? 'leads.unnamed' : 'leads.one');
  return (
    <Link to="/leads/$id" params={{ id }}>
      {data?.name ? <Own>{data.name}</Own> : data?.phone ? <Phone number={data.phone} /> : unnamed}
    </Link>
  );
}
