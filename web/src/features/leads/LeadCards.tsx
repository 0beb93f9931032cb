import { ActionIcon } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useDeferredValue } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { useStages } from '@/shared/data/lists';
import { callLink, whatsAppLink } from '@/shared/format/phone';
import { shortTime } from '@/shared/format/when';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { PersonName } from '@/shared/ui/Person';
import { IconChat, IconPhone } from '@/shared/ui/icons';
import { STAGE_TONES, useStageName } from '@/shared/ui/stageName';

import { DeleteLead } from './DeleteLead';
import type { Lead } from './data';
import classes from './LeadCards.module.css';

/** As many cards as a tall phone shows at once. */
const SEEN = 7;

/** Leads on a phone: a card each, with what a thumb needs. */
export function LeadCards({ leads }: { leads: readonly Lead[] }) {
  const { t } = useTranslation();
  // Those that can be seen are painted first; the others follow before anybody has scrolled.
  const count = useDeferredValue(leads.length, SEEN);
  return (
    <ul className={classes.cards} aria-label={t('nav.leads')}>
      {leads.slice(0, count).map((lead) => (
        <Card key={lead.id} lead={lead} />
      ))}
    </ul>
  );
}

function Card({ lead }: { lead: Lead }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const stageName = useStageName();
  const stage = useStages().find((one) => one.id === lead.stage_id);
  return (
    <li className={classes.card} data-testid="lead-card" data-lead-id={lead.id}>
      <Link to="/leads/$id" params={{ id: lead.id }} className={classes.about}>
        <span className={classes.top}>
          <span className={classes.name}><PersonName person={lead} /></span>
          {stage && <Chip tone={STAGE_TONES[stage.kind]}>{stageName(stage.name)}</Chip>}
        </span>
        {lead.name && lead.phone && (
          <span>
            <Phone number={lead.phone} />
          </span>
        )}
        <span className={classes.last}>
          {shortTime(lead.active_at, i18n.language)}
          {lead.next_step ?? lead.intent ? ' · ' : ''}
          <Own>{lead.next_step ?? lead.intent ?? ''}</Own>
        </span>
      </Link>
      <div className={classes.buttons}>
        {lead.phone && (
          <>
            <ActionIcon component="a" href={callLink(lead.phone)} size={44} variant="light" aria-label={t('leads.call')}>
              <IconPhone />
            </ActionIcon>
            <ActionIcon component="a" href={whatsAppLink(lead.phone)} target="_blank" rel="noreferrer" size={44} variant="light" aria-label={t('leads.whatsApp')}>
              <IconChat />
            </ActionIcon>
          </>
        )}
        {may('leads:write') && <DeleteLead lead={lead} />}
      </div>
    </li>
  );
}
