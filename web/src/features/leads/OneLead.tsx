import { ActionIcon, Button, NativeSelect } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { conversationsOf } from '@/shared/data/chat';
import { accountName, leadQuery, useMembers, useStages, useTags } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { callLink, whatsAppLink } from '@/shared/format/phone';
import { longTime } from '@/shared/format/when';
import { Ltr, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { withChosen } from '@/shared/ui/choices';
import { Facts } from '@/shared/ui/Facts';
import { Answered, Page, Section, isGone } from '@/shared/ui/Page';
import { PersonName, personText } from '@/shared/ui/Person';
import { useToasts } from '@/shared/ui/Toasts';
import { IconChat, IconPhone } from '@/shared/ui/icons';
import { useStageName } from '@/shared/ui/stageName';

import { useCustomFacts } from './CustomFields';
import { DeleteLead } from './DeleteLead';
import { Consents } from './Consents';
import { EditLead } from './EditLead';
import { Identities } from './Identities';
import { MoreActions } from './MoreActions';
import { otherIdentities } from './data';
import classes from './OneLead.module.css';
import { Timeline } from './Timeline';

type Details = Schemas['LeadWithDetails'];

/** One lead: who it is, and everything that happened with it. */
export function OneLead() {
  const { t } = useTranslation();
  const { id } = useParams({ from: '/signed-in/leads/$id' });
  const lead = useQuery(leadQuery(id));
  const may = useMay();
  const name = personText(lead.data ?? {}, t(lead.data ? 'leads.unnamed' : 'leads.one'));
  const elsewhere = (
    <>
      <Button component={Link} to="/leads" variant="default">
        {t('leads.allLeads')}
      </Button>
      {may('leads:write') && (
        <Button component={Link} to="/trash" variant="default">
          {t('nav.trash')}
        </Button>
      )}
    </>
  );
  return (
    <Page title={isGone(lead.error) ? t('leads.gone') : name} heading={lead.data && !isGone(lead.error) && <PersonName person={lead.data} />} actions={lead.data && !isGone(lead.error) && <Actions lead={lead.data} />}>
      <Answered query={lead} ifGone={elsewhere}>
        {() => lead.data && <Content lead={lead.data} />}
      </Answered>
    </Page>
  );
}

function Actions({ lead }: { lead: Details }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const may = useMay();
  const [editing, setEditing] = useState(false);
  return (
    <>
      {lead.phone && (
        <>
          <ActionIcon component="a" href={callLink(lead.phone)} size={44} variant="light" aria-label={t('leads.call')}>
            <IconPhone />
          </ActionIcon>
          <WhatsApp lead={lead} phone={lead.phone} />
        </>
      )}
      {may('leads:write') && (
        <>
          <Button variant="default" onClick={() => setEditing(true)}>
            {t('common.edit')}
          </Button>
          <MoreActions lead={lead} />
          <DeleteLead lead={lead} onDeleted={() => void navigate({ to: '/leads', search: {} })} />
          <EditLead lead={lead} opened={editing} onClose={() => setEditing(false)} />
        </>
      )}
    </>
  );
}

/** To the conversation that is there; to WhatsApp itself where there is none. */
function WhatsApp({ lead, phone }: { lead: Details; phone: string }) {
  const { t } = useTranslation();
  const mayRead = useMay()('conversations:read');
  const conversations = useQuery({ ...conversationsOf(lead.id), enabled: mayRead });
  const known = conversations.data?.find(({ channel }) => channel === 'whatsapp');
  if (known) {
    return (
      <ActionIcon renderRoot={(props) => <Link to="/inbox" search={{ c: known.id }} {...props} />} size={44} variant="light" aria-label={t('leads.whatsApp')}>
        <IconChat />
      </ActionIcon>
    );
  }
  // Until that is known it leads nowhere: outside, nobody would see what was written.
  const isUnknown = conversations.isLoading;
  return isUnknown ? (
    <ActionIcon disabled size={44} variant="light" aria-label={t('leads.whatsApp')}>
      <IconChat />
    </ActionIcon>
  ) : (
    <ActionIcon component="a" href={whatsAppLink(phone)} target="_blank" rel="noreferrer" size={44} variant="light" aria-label={t('leads.whatsApp')}>
      <IconChat />
    </ActionIcon>
  );
}

function Content({ lead }: { lead: Details }) {
  const { t, i18n } = useTranslation();
  const custom = useCustomFacts(lead);
  const others = otherIdentities(lead.identities, lead);
  const tags = useTags().filter((tag) => lead.tags.includes(tag.id));
  return (
    <div className={classes.columns}>
      <div className={classes.side}>
        <Section>
          <StageAndOwner lead={lead} />
          {tags.length > 0 && (
            <div>
              {tags.map((tag) => (
                <Chip key={tag.id}>{tag.name}</Chip>
              ))}
            </div>
          )}
          <Facts
            facts={[
              [t('leads.phone'), lead.phone && <Phone number={lead.phone} link />],
              [t('auth.email'), lead.email && <Ltr>{lead.email}</Ltr>, true],
              [t('leads.company'), lead.company],
              [t('leads.intent'), lead.intent],
              [t('leads.summary'), lead.summary],
              [t('leads.nextStep'), lead.next_step],
              [t('leads.notes'), lead.notes],
              ...custom,
              [t('leads.source'), t(`source.${lead.source}`, { defaultValue: lead.source })],
              [t('leads.createdAt'), longTime(lead.created_at, i18n.language)],
            ]}
          />
        </Section>
        {others.length > 0 && (
          <Section title={t('leads.identities')}>
            <Identities of={others} link />
          </Section>
        )}
        <Consents leadId={lead.id} />
      </div>
      <Timeline leadId={lead.id} />
    </div>
  );
}

function StageAndOwner({ lead }: { lead: Details }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const stageName = useStageName();
  const stages = useStages();
  const members = useMembers();
  const mayWrite = useMay()('leads:write');
  const key = leadQuery(lead.id).queryKey;
  const change = useMutation({
    mutationFn: (body: Schemas['UpdateLead']) =>
      unwrap(api.PATCH('/api/crm/leads/{id}', { params: { path: { id: lead.id }, header: ifMatch(lead.version) }, body })),
    // Shown at once; taken back with a message when the server refuses.
    onMutate: (body) => {
      client.setQueryData(key, { ...lead, ...(body as Partial<Details>) });
      return lead;
    },
    onSuccess: (changed) => client.setQueryData(key, changed),
    onError: (error, _body, before) => {
      client.setQueryData(key, before);
      toasts.fail(error);
    },
    onSettled: () => Promise.all([['lead', 'list'], ['lead', 'board'], ['timeline']].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  return (
    <div className={classes.choices}>
      <NativeSelect
        label={t('leads.stage')}
        value={lead.stage_id}
        disabled={!mayWrite}
        onChange={(event) => change.mutate({ stage_id: event.currentTarget.value })}
        data={withChosen(stages.map((stage) => ({ value: stage.id, label: stageName(stage.name) })), lead.stage_id)}
      />
      <NativeSelect
        label={t('leads.assignee')}
        value={lead.assignee_id ?? ''}
        disabled={!mayWrite}
        onChange={(event) => change.mutate({ assignee_id: event.currentTarget.value || null })}
        data={withChosen([{ value: '', label: t('leads.nobody') }, ...members.map((member) => ({ value: member.id, label: accountName(member) }))], lead.assignee_id)}
      />
    </div>
  );
}
