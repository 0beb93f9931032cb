import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { shortTime } from '@/shared/format/when';

import { Words } from './Bidi';
import { Chip, type Tone } from './Chip';
import classes from './PromiseLine.module.css';
import { useToasts } from './Toasts';
import { useNow } from './useNow';

const TONES: Record<Schemas['PromiseStatus'], Tone> = { open: 'warn', kept: 'good', broken: 'bad', dropped: 'quiet' };

/** A promise: what, by when, whether it was kept, and to whom where `to` says so. */
export function PromiseLine({ promise, to, children }: { promise: Schemas['Promise']; to?: ReactNode; children?: ReactNode }) {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const toasts = useToasts();
  const now = useNow();
  const mark = async (status: Schemas['PromiseStatus']) => {
    try {
      const params = { path: { id: promise.id }, header: ifMatch(promise.version) };
      await unwrap(api.PATCH('/api/crm/promises/{id}', { params, body: { status } }));
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['promise'] });
    }
  };
  const isOpen = promise.status === 'open';
  const isLate = isOpen && !!promise.due_at && Date.parse(promise.due_at) < now;
  return (
    <div className={classes.promise}>
      <Words>{promise.what}</Words>
      <div className={classes.about}>
        {to}
        {promise.due_at && (
          <Chip tone={isLate ? 'bad' : 'quiet'}>
            {t('promises.by')} {shortTime(promise.due_at, i18n.language)}
          </Chip>
        )}
        {!isOpen && <Chip tone={TONES[promise.status]}>{t(`promises.status.${promise.status}`)}</Chip>}
      </div>
      <div className={classes.actions}>
        {children}
        {isOpen && may('calls:write') && (
          <>
            <Button size="compact-md" onClick={() => void mark('kept')}>
              {t('promises.keep')}
            </Button>
            <Button size="compact-md" variant="default" onClick={() => void mark('dropped')}>
              {t('promises.drop')}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}
