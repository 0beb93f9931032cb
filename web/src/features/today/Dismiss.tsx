import { Button, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';

import classes from './Rescue.module.css';

const REASONS = ['wrongNumber', 'advertising', 'solved', 'notForUs'] as const;

/** Asks why nobody will answer: one tap, or words. */
export function Dismiss({ opened, onClose, onReason }: { opened: boolean; onClose: () => void; onReason: (reason: string) => Promise<unknown> }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState('');
  const submit = (form: FormData) => onReason(textOf(form, 'reason') ?? chosen);
  return (
    <FormModal title={t('rescue.dismissTitle')} action={t('rescue.dismiss')} opened={opened} onClose={onClose} onSubmit={submit} mark={{ 'data-testid': 'rescue-dismiss-confirm' }}>
      <div className={classes.reasons} role="group" aria-label={t('rescue.reason')}>
        {REASONS.map((reason) => {
          const words = t(`rescue.because.${reason}`);
          return (
            <Button key={reason} size="sm" variant={chosen === words ? 'filled' : 'default'} aria-pressed={chosen === words} onClick={() => setChosen(chosen === words ? '' : words)}>
              {words}
            </Button>
          );
        })}
      </div>
      {/* Either is enough: it is asked for when neither is there, and has no star beside the other. */}
      <Textarea name="reason" label={t('rescue.inWords')} rows={2} maxLength={200} required={chosen === ''} withAsterisk={false} />
    </FormModal>
  );
}
