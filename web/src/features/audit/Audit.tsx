import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useMemberName } from '@/shared/data/lists';
import { usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { Ltr, Own } from '@/shared/ui/Bidi';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';

/** An action such as `lead.deleted` in words; what has none is shown as it is. */
function actionText(action: string, t: TFunction): string {
  const [entity = '', verb = ''] = action.split('.');
  const about = t(`audit.entity.${entity}`, { defaultValue: '' });
  const what = t(`audit.verb.${verb}`, { defaultValue: '' });
  return about && what ? `${about} – ${what}` : action;
}

/** Who did what, the newest first. Nothing here can be changed. */
export function Audit() {
  const { t, i18n } = useTranslation();
  const memberName = useMemberName();
  const entries = usePages<Schemas['AuditEntry']>(['audit'], (cursor) => unwrap(api.GET('/api/audit', { params: { query: { cursor, limit: 50 } } })));
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
              columns={[
                { key: 'what', title: t('audit.what'), cell: (entry) => actionText(entry.action, t) },
                { key: 'who', title: t('audit.who'), cell: (entry) => <Own>{memberName(entry.actor_id) ?? t(`actor.${entry.actor_kind}`, { defaultValue: entry.actor_kind })}</Own> },
                { key: 'at', title: t('calls.at'), cell: (entry) => longTime(entry.at, i18n.language) },
                { key: 'id', title: t('audit.about'), cell: (entry) => <Ltr>{entry.entity_id}</Ltr>, tableOnly: true },
              ]}
            />
          )
        }
      </Answered>
      <MoreRows query={entries} />
    </Page>
  );
}
