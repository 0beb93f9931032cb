import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { Ltr, Own } from '@/shared/ui/Bidi';
import { Answered, Empty, Section } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';

import classes from './System.module.css';

/** Which administrator acted for which business, and why. Nothing here can be changed. */
export function Acting() {
  const { t, i18n } = useTranslation();
  const sessions = usePages<Schemas['ActingSession']>(['acting'], (cursor) => unwrap(api.GET('/api/system/acting-sessions', { params: { query: { cursor, limit: 50 } } })));
  return (
    <Section title={t('system.acting')}>
      <Answered query={sessions}>
        {() =>
          sessions.rows.length === 0 ? (
            <Empty text={t('system.noActing')} />
          ) : (
            <Records
              label={t('system.acting')}
              rows={sessions.rows}
              idOf={(session) => session.id}
              columns={[
                { key: 'why', title: t('system.reason'), cell: (session) => <Own>{session.reason}</Own> },
                { key: 'who', title: t('system.admin'), cell: (session) => <Ltr>{session.admin_id}</Ltr> },
                { key: 'for', title: t('system.business'), cell: (session) => <Ltr>{session.business}</Ltr> },
                { key: 'from', title: t('system.from'), cell: (session) => <span className={classes.date}>{longTime(session.created_at, i18n.language)}</span> },
                { key: 'until', title: t('system.until'), cell: (session) => <span className={classes.date}>{longTime(session.ended_at ?? session.expires_at, i18n.language)}</span> },
              ]}
            />
          )
        }
      </Answered>
      <MoreRows query={sessions} />
    </Section>
  );
}
