import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { leadQuery } from '@/shared/data/lists';

import { type Person, personName } from './Person';

interface Props {
  id: string;
  /** What the record beside it knows of the lead: shown until the lead is there, and where the lead has less. */
  known?: Person;
}

/** What a lead is called, leading to it. */
export function LeadLink({ id, known = {} }: Props) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery(leadQuery(id));
  // A lead that is not known yet is not one without a name.
  const unnamed = isPending ? '…' : t(data ? 'leads.unnamed' : 'leads.one');
  const person = { name: data?.name || known.name, phone: data?.phone ?? known.phone, email: data?.email ?? known.email };
  return (
    <Link to="/leads/$id" params={{ id }}>
      {personName(person, unnamed)}
    </Link>
  );
}
