import { Button, Stack } from '@mantine/core';
import { Link, useLocation } from '@tanstack/react-router';
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { useMe } from '@/shared/data/me';
import { announce, identityOf, leave } from '@/shared/data/session';
import { clockTime } from '@/shared/format/when';
import { Notice } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

function subscribe(changed: () => void) {
  addEventListener('online', changed);
  addEventListener('offline', changed);
  return () => {
    removeEventListener('online', changed);
    removeEventListener('offline', changed);
  };
}

/** What everybody on every screen has to know: offline, acting for a business, a missing second factor. */
export function Banners({ connected }: { connected: boolean }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const toasts = useToasts();
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  // Said where the day begins, not on every screen.
  const isToday = useLocation({ select: ({ pathname }) => pathname === '/' });
  // Who looks after the installation needs no business.
  const isNowhere = me.working_in === null && !me.system_admin;
  const nags = me.mfa_enrolment_required && isToday;
  const endActing = async () => {
    try {
      await unwrap(api.POST('/api/auth/acting/end'));
      // What is on the screen belongs to the business that was acted for.
      leave('/');
      announce(identityOf({ id: me.id, working_in: null }));
    } catch (error) {
      toasts.fail(error);
    }
  };
  return (
    <Stack gap="xs" mb={online && connected && !me.acting && !nags && !isNowhere ? 0 : 'md'}>
      {(!online || !connected) && <Notice tone="warn">{t('shell.offline')}</Notice>}
      {me.acting && (
        <Notice tone="warn">
          {t('shell.acting', { until: clockTime(me.acting.expires_at, i18n.language) })}{' '}
          <Button size="compact-sm" variant="default" onClick={() => void endActing()}>
            {t('shell.endActing')}
          </Button>
        </Notice>
      )}
      {nags && (
        <Notice tone="warn">
          {t('shell.secondFactor')} <Link to="/profile">{t('shell.setUpNow')}</Link>
        </Notice>
      )}
      {isNowhere && <Notice tone="warn">{t('shell.noBusiness')}</Notice>}
    </Stack>
  );
}
