import { NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useBusinessId } from '@/shared/data/me';
import { showPhone } from '@/shared/format/phone';
import { Ltr, Phone } from '@/shared/ui/Bidi';
import { FormModal } from '@/shared/ui/FormModal';
import { useToasts } from '@/shared/ui/Toasts';

import { MODES, readAnswering, ringsFirst } from './modes';

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
  const id = useBusinessId();
  const client = useQueryClient();
  const toasts = useToasts();
  const [mode, setMode] = useState<string>(number.answer_mode);
  const submit = async (form: FormData) => {
    const params = { path: { id, number: number.number }, header: ifMatch(number.version) };
    try {
      await unwrap(api.PATCH('/api/businesses/{id}/numbers/{number}', { params, body: readAnswering(form) }));
    } finally {
      await client.invalidateQueries({ queryKey: ['number'] });
    }
    toasts.show({ text: t('common.saved') });
  };
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
