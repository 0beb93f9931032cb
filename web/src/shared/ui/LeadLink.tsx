import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { leadQuery } from '@/shared/data/lists';

import { Own, Phone } from './Bidi';

/** The name of a lead, leading to it; until the name is there, the number where one is at hand. */
export function LeadLink({ id, phone = null }: { id: string; phone?: string | null | undefined }) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery(leadQuery(id));
  // A lead that is not known yet is not one without a name.
  const unnamed = isPending ? '…' : t(data ? 'leads.unnamed' : 'leads.one');
  const number = data?.phone ?? phone;
  return (
    <Link to="/leads/$id" params={{ id }}>
      {data?.name ? <Own>{data.name}</Own> : number ? <Phone number={number} /> : unnamed}
    </Link>
  );
}
