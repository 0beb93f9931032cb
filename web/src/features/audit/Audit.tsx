import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMemberName } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { PersonName } from '@/shared/ui/Person';
import { MoreRows, Records } from '@/shared/ui/Records';

/** An action such as `lead.deleted` in words. One that has none yet is not shown as its code: that is nobody's language. */
function actionText(action: string, t: TFunction): string {
  const [entity = '', verb = ''] = action.split('.');
  const about = t(`audit.entity.${entity}`, { defaultValue: '' });
  const what = t(`audit.verb.${verb}`, { defaultValue: '' });
  return about && what ? `${about} – ${what}` : about || t('audit.other');
}

type Entry = Schemas['AuditEntry'];

/** What happened, leading to what it happened to where that has a screen. The code and the id are there for whoever looks for them. */
function Action({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const may = useMay();
  const text = actionText(entry.action, t);
  const id = entry.entity_id;
  const title = `${entry.action} ${id}`;
  if (id.startsWith('call_') && may('calls:read')) {
    return (
      <Link to="/calls/$id" params={{ id }} title={title}>
        {text}
      </Link>
    );
  }
  if (id.startsWith('conv_') && may('conversations:read')) {
    return (
      <Link to="/inbox" search={{ c: id }} title={title}>
        {text}
      </Link>
    );
  }
  return <span title={title}>{text}</span>;
}

/** Whom it is about, leading there unless the lead lies in the trash. */
function Whom({ lead }: { lead: Schemas['AuditLead'] }) {
  const name = <PersonName person={lead} />;
  if (lead.is_deleted) return name;
  return (
    <Link to="/leads/$id" params={{ id: lead.id }}>
      {name}
    </Link>
  );
}

/** What happened, and to whom. */
export function What({ entry }: { entry: Entry }) {
  return (
    <span data-testid="audit-entry" data-action={entry.action}>
      <Action entry={entry} />
      {entry.lead && (
        <>
          {': '}
          <Whom lead={entry.lead} />
        </>
      )}
    </span>
  );
}

/** Who did what, the newest first. Nothing here can be changed. */
export function Audit() {
  const { t, i18n } = useTranslation();
  const memberName = useMemberName();
  const who = (entry: Entry) => <Own>{memberName(entry.actor_id) ?? t(`actor.${entry.actor_kind}`, { defaultValue: t('actor.job') })}</Own>;
  const at = (entry: Entry) => longTime(entry.at, i18n.language);
  const entries = usePages<Entry>(['audit'], (cursor) => unwrap(api.GET('/api/audit', { params: { query: { cursor, limit: 50 } } })));
  return (
    <Page title={t('nav.audit')}>
      <Answered query={entries}>
        {() =>
          entries.rows.length === 0 ? (
            <Empty text={t('audit.empty')} />
          ) : (
            <Records
              label={t('nav.audit')}
              rows={entries.rows}
              idOf={(entry) => entry.id}
              card={(entry) => (
                <div>
                  <What entry={entry} />
                  <Text size="sm" c="dimmed">
                    {who(entry)} · {at(entry)}
                  </Text>
                </div>
              )}
              columns={[
                { key: 'what', title: t('audit.what'), cell: (entry) => <What entry={entry} /> },
                { key: 'who', title: t('audit.who'), cell: who },
                { key: 'at', title: t('calls.at'), cell: at },
              ]}
            />
          )
        }
      </Answered>
      <MoreRows query={entries} />
    </Page>
  );
}
