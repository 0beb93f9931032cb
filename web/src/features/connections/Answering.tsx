import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { showPhone } from '@/shared/format/phone';
import { Ltr, Phone } from '@/shared/ui/Bidi';
import { FormModal } from '@/shared/ui/FormModal';

import { MODES, readAnswering, ringsFirst } from './modes';
import { useChangeNumber } from './useChangeNumber';

/** Who takes the calls to a number, in words. */
export function AnsweringWords({ number }: { number: Schemas['BusinessNumber'] }) {
  const { t } = useTranslation();
  return (
    <span data-testid="answering">
      {t(`connections.modes.${number.answer_mode}`)}
      {ringsFirst(number.answer_mode) && number.ring_number && (
        <>
          {' · '}
          {t('connections.ringsAt')} <Phone number={number.ring_number} />
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

/** Asks who takes the calls to a number. */
export function EditAnswering({ number, opened, onClose }: Props) {
  const { t } = useTranslation();
  const [mode, setMode] = useState<string>(number.answer_mode);
  const submit = useChangeNumber(number, readAnswering);
  return (
    <FormModal title={t('connections.mode')} opened={opened} onClose={onClose} onSubmit={submit} mark={{ 'data-testid': 'answering-save' }}>
      {(fieldError) => (
        <>
          <Ltr>{showPhone(number.number)}</Ltr>
          <NativeSelect
            name="answer_mode"
            label={t('connections.mode')}
            description={t(`connections.modeHint.${mode}`)}
            value={mode}
            onChange={(event) => setMode(event.currentTarget.value)}
            error={fieldError('answer_mode')}
            data={MODES.map((value) => ({ value, label: t(`connections.modes.${value}`) }))}
            data-autofocus
          />
          {ringsFirst(mode) && (
            <>
              <TextInput
                name="ring_number"
                type="tel"
                dir="ltr"
                label={t('full.phone')}
                placeholder="050-123-4567"
                defaultValue={number.ring_number ? showPhone(number.ring_number) : ''}
                error={fieldError('ring_number') && t('full.phoneWrong')}
              />
              <TextInput
                name="ring_seconds"
                label={t('connections.ringSeconds')}
                defaultValue={number.ring_seconds}
                error={fieldError('ring_seconds') && t('connections.ringSecondsWrong')}
                inputMode="numeric"
              />
            </>
          )}
        </>
      )}
    </FormModal>
  );
}
