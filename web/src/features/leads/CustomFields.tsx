import { NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { customFieldsQuery } from '@/shared/data/lists';
import { momentInWords } from '@/shared/format/when';
import { textOf } from '@/shared/ui/Form';
import { MomentField } from '@/shared/ui/MomentField';
import { Unanswered } from '@/shared/ui/Page';

type Field = Schemas['CustomField'];
type Values = Record<string, unknown>;

/** The fields that the business added and did not put away, in their order. */
export function useCustomFields(): Field[] {
  const { data } = useQuery(customFieldsQuery);
  return useMemo(() => (data ?? []).filter((field) => !field.archived_at).sort((a, b) => a.position - b.position), [data]);
}

/** A value as text; nothing where there is none. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What a lead has in them, by their labels. */
export function useCustomFacts(lead: Pick<Schemas['Lead'], 'custom'>): [string, string][] {
  const { i18n } = useTranslation();
  return useCustomFields().map((field) => {
    const text = shown((lead.custom as Values)[field.key]);
    return [field.label, (field.kind === 'date' && momentInWords(text, i18n.language)) || text];
  });
}

/** Their inputs, one for each. */
export function CustomFields({ lead, fieldError }: { lead: Pick<Schemas['Lead'], 'custom'>; fieldError: (name: string) => string | null }) {
  const { t } = useTranslation();
  const query = useQuery(customFieldsQuery);
  const inputs = useCustomFields().map((field) => {
    const common = { name: `custom.${field.key}`, label: field.label, defaultValue: shown((lead.custom as Values)[field.key]), error: fieldError(field.key) };
    if (field.kind === 'choice') {
      return <NativeSelect key={field.id} {...common} data={[{ value: '', label: t('lists.noChoice') }, ...field.choices]} />;
    }
    if (field.kind === 'date') return <MomentField key={field.id} type="date" {...common} />;
    const input = { text: {}, number: { inputMode: 'decimal', dir: 'ltr' } } as const;
    return <TextInput key={field.id} {...common} {...input[field.kind]} />;
  });
  return (
    <>
      {inputs}
      <Unanswered query={query} />
    </>
  );
}

/** The changed ones of a form, as the API takes them; `null` when none was changed. */
export function readCustom(form: FormData, fields: readonly Field[], before: unknown): Values | null {
  const changed: Values = {};
  for (const { key, kind } of fields) {
    const text = textOf(form, `custom.${key}`);
    if ((text ?? '') === shown((before as Values)[key])) continue;
    changed[key] = text !== null && kind === 'number' ? Number(text) : text;
  }
  return Object.keys(changed).length > 0 ? changed : null;
}
