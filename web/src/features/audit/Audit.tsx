import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMemberName } from '@/shared/data/lists';
import { usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';

/** An action such as `lead.deleted` in words; what has none is shown as it is. */
function actionText(action: string, t: TFunction): string {
  const [entity = '', verb = ''] = action.split('.');
  const about = t(`audit.entity.${entity}`, { defaultValue: '' });
  const what = t(`audit.verb.${verb}`, { defaultValue: '' });
  return about && what ? `${about} – ${what}` : action;
}

type Entry = Schemas['AuditEntry'];

/** What happened, leading to what it happened to where that has a screen. Its id is there for whoever looks for it. */
function What({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const text = actionText(entry.action, t);
  const id = entry.entity_id;
  if (id?.startsWith('lead_')) {
    return (
      <Link to="/leads/$id" params={{ id }} title={id}>
        {text}
      </Link>
    );
  }
  if (id?.startsWith('call_')) {
    return (
      <Link to="/calls/$id" params={{ id }} title={id}>
        {text}
      </Link>
    );
  }
  return <span title={id ?? undefined}>{text}</span>;
}

/** Who did what, the newest first. Nothing here can be changed. */
export function Audit() {
  const { t, i18n } = useTranslation();
  const memberName = useMemberName();
  const who = (entry: Entry) => <Own>{memberName(entry.actor_id) ?? t(`actor.${entry.actor_kind}`, { defaultValue: entry.actor_kind })}</Own>;
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
