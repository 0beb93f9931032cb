import { Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { ownPhoneQuery } from '@/shared/data/ownPhone';
import { showPhone } from '@/shared/format/phone';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Section } from '@/shared/ui/Page';
import { useToasts } from '@/shared/ui/Toasts';

/** The phone on which one takes calls over; an empty field clears it. */
export function OwnPhone() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const phone = useQuery(ownPhoneQuery);
  const save = async (form: FormData) => {
    const number = textOf(form, 'number');
    if (number === null) await unwrap(api.DELETE('/api/calls/own-phone'));
    else await unwrap(api.PUT('/api/calls/own-phone', { body: { number } }));
    toasts.show({ text: t('common.saved') });
    await client.invalidateQueries({ queryKey: ownPhoneQuery.queryKey });
  };
  const shown = phone.data?.number ? showPhone(phone.data.number) : '';
  return (
    <Section title={t('profile.ownPhone.title')}>
      <Text c="dimmed">{t('profile.ownPhone.why')}</Text>
      <Answered query={phone}>
        {() => (
          <Form action={t('common.save')} onSubmit={save} mark={{ 'data-testid': 'own-phone-save' }}>
            {(fieldError) => <TextInput key={shown} name="number" type="tel" dir="ltr" label={t('profile.ownPhone.number')} defaultValue={shown} error={fieldError('number') && t('profile.ownPhone.refused')} maxLength={64} autoComplete="tel" data-testid="own-phone" />}
          </Form>
        )}
      </Answered>
    </Section>
  );
}
