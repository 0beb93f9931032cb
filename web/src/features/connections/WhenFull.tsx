import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { showPhone } from '@/shared/format/phone';
import { Ltr, Phone } from '@/shared/ui/Bidi';
import { FormModal } from '@/shared/ui/FormModal';

import { WHEN_FULL, readFull } from './full';
import { useChangeNumber } from './useChangeNumber';

/** How many calls a number takes at once, and what one more hears, in words. */
export function FullWords({ number }: { number: Schemas['BusinessNumber'] }) {
  const { t } = useTranslation();
  return (
    <span data-testid="when-full">
      {number.max_live_calls ? t('full.lines', { count: number.max_live_calls }) : t('full.noLimit')} · {t(`full.is.${number.when_full}`)}
      {number.when_full === 'overflow' && number.overflow_number && (
        <>
          {' '}
          <Phone number={number.overflow_number} />
        </>
      )}
    </span>
  );
}

interface Props {
  number: Schemas['BusinessNumber'];
  opened: boolean;
  onClose: () => void;
}

/** Asks what happens to a call that comes while all lines are taken. */
export function EditFull({ number, opened, onClose }: Props) {
  const { t } = useTranslation();
  const [when, setWhen] = useState<string>(number.when_full);
  const submit = useChangeNumber(number, readFull);
  return (
    <FormModal title={t('full.title')} opened={opened} onClose={onClose} onSubmit={submit} mark={{ 'data-testid': 'when-full-save' }}>
      {(fieldError) => (
        <>
          <Ltr>{showPhone(number.number)}</Ltr>
          <TextInput
            name="max_live_calls"
            label={t('full.most')}
            description={t('full.mostHint')}
            placeholder={t('full.noLimit')}
            defaultValue={number.max_live_calls ?? ''}
            error={fieldError('max_live_calls') && t('full.mostWrong')}
            inputMode="numeric"
            data-autofocus
          />
          <NativeSelect
            name="when_full"
            label={t('full.then')}
            description={t(`full.hint.${when}`)}
            value={when}
            onChange={(event) => setWhen(event.currentTarget.value)}
            error={fieldError('when_full')}
            data={WHEN_FULL.map((value) => ({ value, label: t(`full.is.${value}`) }))}
          />
          {when === 'overflow' && (
            <TextInput
              name="overflow_number"
              type="tel"
              dir="ltr"
              label={t('full.phone')}
              placeholder="050-123-4567"
              defaultValue={number.overflow_number ? showPhone(number.overflow_number) : ''}
              error={fieldError('overflow_number') && t('full.phoneWrong')}
            />
          )}
        </>
      )}
    </FormModal>
  );
}
