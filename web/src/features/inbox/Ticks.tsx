import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';

import classes from './Inbox.module.css';

const DRAWN: Record<Schemas['MessageStatus'], string> = {
  received: '',
  queued: 'M12 4.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM12 8v4.2l2.6 1.8',
  sent: 'm5 12.5 4.5 4.5L19 7',
  delivered: 'm2 12.5 4.5 4.5L16 7M11.5 16l1 1L22 7',
  read: 'm2 12.5 4.5 4.5L16 7M11.5 16l1 1L22 7',
  failed: 'M12 4.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM12 8v4.5M12 15.6v.2',
};

/** How far a message of ours has come. Check marks are drawn the same way in every language. */
export function Ticks({ status }: { status: Schemas['MessageStatus'] }) {
  const { t } = useTranslation();
  return (
    <svg className={classes.ticks} data-status={status} width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" role="img" aria-label={t(`inbox.status.${status}`)}>
      <path d={DRAWN[status]} />
    </svg>
  );
}
