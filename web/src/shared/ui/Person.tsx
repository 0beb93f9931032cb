import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import type { Conversation } from '@/shared/data/chat';
import { leadQuery } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { numberOf, showPhone } from '@/shared/format/phone';

import { Ltr, Own, Phone } from './Bidi';

/** What is known of somebody, in whichever record. */
export interface Person {
  name?: string | null | undefined;
  phone?: string | null | undefined;
  email?: string | null | undefined;
}

/** What somebody is called, on every screen: the name, else the number, else the address, else that there is none. */
export function personName({ name, phone, email }: Person, unnamed: ReactNode): ReactNode {
  if (name) return <Own>{name}</Own>;
  if (phone) return <Phone number={phone} />;
  return email ? <Ltr>{email}</Ltr> : unnamed;
}

/** The same in plain words: for titles, and for what is read out. */
export function personText({ name, phone, email }: Person, unnamed: string): string {
  // An empty name is none.
  return name || (phone ? showPhone(phone) : email) || unnamed;
}

/** What somebody is called. */
export function PersonName({ person }: { person: Person }) {
  const { t } = useTranslation();
  return <>{personName(person, t('leads.unnamed'))}</>;
}

/** The other side of a conversation: the lead where there is one, else what it calls itself, else its number. */
export function usePeer(conversation: Conversation): Person {
  const may = useMay();
  const { data: lead } = useQuery({ ...leadQuery(conversation.lead_id ?? ''), enabled: !!conversation.lead_id && may('leads:read') });
  return { name: lead?.name || conversation.peer_name, phone: lead?.phone ?? numberOf(conversation.peer), email: lead?.email };
}

/** What the other side of a conversation is called. */
export function PeerName({ conversation }: { conversation: Conversation }) {
  return <PersonName person={usePeer(conversation)} />;
}
