import { Button, Group, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { leadName, leadQuery } from '@/shared/data/lists';

import classes from './LeadPicker.module.css';
import { Unanswered } from './Page';

interface Props {
  name: string;
  label: string;
  value: string | null;
  onChange: (id: string | null) => void;
  /** A lead that is not offered. */
  except?: string;
  required?: boolean;
}

/** Finds a lead by name or number and puts its id into the form. */
export function LeadPicker({ name, label, value, onChange, except, required = false }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ['lead', 'search', wanted],
    queryFn: () => unwrap(api.GET('/api/search', { params: { query: { q: wanted, limit: 8 } } })),
    enabled: wanted.length >= 2 && value === null,
  });
  const offered = found.data?.leads.filter((lead) => lead.id !== except);
  const chosen = useQuery({ ...leadQuery(value ?? ''), enabled: value !== null });
  if (value !== null) {
    return (
      <div>
        <Text size="sm" fw={500}>
          {label}
        </Text>
        <Group justify="space-between">
          <bdi>{chosen.data ? (leadName(chosen.data) ?? t('leads.unnamed')) : '…'}</bdi>
          <Button size="compact-sm" variant="subtle" onClick={() => onChange(null)}>
            {t('common.change')}
          </Button>
        </Group>
        <input type="hidden" name={name} value={value} />
      </div>
    );
  }
  return (
    <div>
      <TextInput label={label} placeholder={t('leads.search')} value={text} onChange={(event) => setText(event.currentTarget.value)} required={required} autoComplete="off" />
      <Unanswered query={found} />
      {offered && (
        <ul className={classes.found}>
          {offered.map((lead) => (
            <li key={lead.id}>
              <button type="button" onClick={() => onChange(lead.id)}>
                <bdi>{leadName(lead) ?? t('leads.unnamed')}</bdi>
              </button>
            </li>
          ))}
          {offered.length === 0 && <li className={classes.none}>{t('common.nothingFound')}</li>}
        </ul>
      )}
    </div>
  );
}
