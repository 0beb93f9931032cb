import { Group, NativeSelect, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { ApiError } from '@/api/problem';
import { CURRENCIES, readAmount, signOf } from '@/shared/format/money';

import { textOf } from './Form';

/** The fields of an amount. */
export function MoneyFields({ error }: { error: string | null }) {
  const { t } = useTranslation();
  return (
    <Group grow align="start">
      <TextInput name="amount" dir="ltr" inputMode="decimal" label={t('deals.value')} error={error} required />
      <NativeSelect name="currency" label={t('deals.currency')} data={CURRENCIES.map((value) => ({ value, label: signOf(value) }))} />
    </Group>
  );
}

/** What they hold; a refusal like the API's own where it is no amount. */
export function moneyOf(form: FormData): Schemas['Money'] {
  const amount = readAmount(textOf(form, 'amount') ?? '');
  if (amount === null) {
    const errors = [{ pointer: '/value/amount', detail: 'expected an amount' }];
    throw new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors });
  }
  return { amount, currency: (textOf(form, 'currency') ?? 'ILS') as Schemas['Currency'] };
}
