import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { type PageOf, usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { Answered, Empty, Page } from '@/shared/ui/Page';
import { PersonName } from '@/shared/ui/Person';
import { MoreRows, Records } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';

import classes from './Trash.module.css';

/** What lies in the trash, whatever it is. */
interface Discarded {
  id: string;
  title: string | null;
  phone?: string | null;
  email?: string | null;
  deleted_at?: string | null;
}

/** One kind of thing that can be taken out of the trash. */
interface Kind {
  key: 'lead' | 'task' | 'appointment' | 'deal' | 'payment';
  needs: string;
  list: (cursor: string | undefined) => Promise<PageOf<Discarded>>;
  restore: (id: string) => Promise<unknown>;
}

function paged<T>(page: PageOf<T>, read: (row: T) => Discarded): PageOf<Discarded> {
  return { page: page.page, data: page.data.map(read) };
}

const LIMIT = 50;
const path = (id: string) => ({ params: { path: { id } } });
const deleted = (cursor: string | undefined) => ({ params: { query: { deleted: true, cursor, limit: LIMIT } } });

const KINDS: readonly Kind[] = [
  {
    key: 'lead',
    needs: 'leads:write',
    list: async (cursor) =>
      paged(await unwrap(api.GET('/api/crm/leads/trash', { params: { query: { cursor, limit: LIMIT } } })), (lead) => ({ ...lead, title: lead.name ?? null })),
    restore: (id) => unwrap(api.POST('/api/crm/leads/{id}/restore', path(id))),
  },
  {
    key: 'task',
    needs: 'tasks:write',
    list: async (cursor) => paged(await unwrap(api.GET('/api/crm/tasks', deleted(cursor))), (task) => task),
    restore: (id) => unwrap(api.POST('/api/crm/tasks/{id}/restore', path(id))),
  },
  {
    key: 'appointment',
    needs: 'tasks:write',
    list: async (cursor) => paged(await unwrap(api.GET('/api/crm/appointments', deleted(cursor))), (appointment) => appointment),
    restore: (id) => unwrap(api.POST('/api/crm/appointments/{id}/restore', path(id))),
  },
  {
    key: 'deal',
    needs: 'deals:write',
    list: async (cursor) => paged(await unwrap(api.GET('/api/crm/deals', deleted(cursor))), (deal) => deal),
    restore: (id) => unwrap(api.POST('/api/crm/deals/{id}/restore', path(id))),
  },
  {
    key: 'payment',
    needs: 'payments:write',
    list: async (cursor) => paged(await unwrap(api.GET('/api/crm/payments', deleted(cursor))), (payment) => ({ ...payment, title: payment.description })),
    restore: (id) => unwrap(api.POST('/api/crm/payments/{id}/restore', path(id))),
  },
];

/** What was deleted and can be taken back. */
export function Trash() {
  const { t } = useTranslation();
  const may = useMay();
  const kinds = KINDS.filter((kind) => may(kind.needs));
  const [key, setKey] = useState<Kind['key']>('lead');
  const kind = kinds.find((one) => one.key === key) ?? kinds[0];
  return (
    <Page title={t('nav.trash')}>
      {kinds.length > 1 && (
        <div className={classes.kinds} role="group" aria-label={t('nav.trash')}>
          {kinds.map((one) => (
            <Button key={one.key} size="compact-md" variant={one.key === kind?.key ? 'filled' : 'default'} aria-pressed={one.key === kind?.key} onClick={() => setKey(one.key)}>
              {t(`trash.${one.key}`)}
            </Button>
          ))}
        </div>
      )}
      {kind ? <Discards key={kind.key} kind={kind} /> : <Empty text={t('trash.empty')} />}
    </Page>
  );
}

function Discards({ kind }: { kind: Kind }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const discards = usePages<Discarded>([kind.key, 'trash'], kind.list);
  const restore = async (id: string) => {
    try {
      await kind.restore(id);
      toasts.show({ text: t('trash.restored') });
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: [kind.key] });
    }
  };
  return (
    <Answered query={discards}>
      {() =>
        discards.rows.length === 0 ? (
          <Empty text={t(`trash.none.${kind.key}`)} />
        ) : (
          <>
            <Records
              label={t('nav.trash')}
              rows={discards.rows}
              idOf={(row) => row.id}
              mark={(row) => ({ 'data-testid': 'trash-row', 'data-id': row.id })}
              columns={[
                { key: 'title', title: t('trash.what'), cell: (row) => <PersonName person={{ name: row.title, phone: row.phone, email: row.email }} /> },
                { key: 'at', title: t('trash.deletedAt'), cell: (row) => (row.deleted_at ? longTime(row.deleted_at, i18n.language) : '') },
              ]}
              actions={(row) => (
                <Button size="compact-md" variant="default" onClick={() => void restore(row.id)}>
                  {t('trash.restore')}
                </Button>
              )}
            />
            <MoreRows query={discards} />
          </>
        )
      }
    </Answered>
  );
}
