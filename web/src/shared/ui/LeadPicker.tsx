import { Button, Group, Input, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { leadQuery, useStages } from '@/shared/data/lists';

import { Ltr, Phone } from './Bidi';
import { Chip } from './Chip';
import classes from './LeadPicker.module.css';
import { Unanswered } from './Page';
import { PersonName } from './Person';
import { STAGE_TONES, useStageName } from './stageName';

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
      <Input.Wrapper label={label} labelElement="div" withAsterisk={required}>
        <Group justify="space-between" wrap="nowrap">
          {chosen.data ? <Known lead={chosen.data} /> : '…'}
          <Button size="compact-sm" variant="subtle" onClick={() => onChange(null)}>
            {t('common.change')}
          </Button>
        </Group>
        <input type="hidden" name={name} value={value} />
      </Input.Wrapper>
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
                <Known lead={lead} />
              </button>
            </li>
          ))}
          {offered.length === 0 && <li className={classes.none}>{t('common.nothingFound')}</li>}
        </ul>
      )}
    </div>
  );
}

/** Who a lead is: two of the same name are told apart by their numbers, and by how far they have come. */
function Known({ lead }: { lead: Pick<Schemas['Lead'], 'name' | 'phone' | 'email' | 'stage_id'> }) {
  const stageName = useStageName();
  const stage = useStages().find(({ id }) => id === lead.stage_id);
  const reached = lead.phone ? <Phone number={lead.phone} /> : lead.email && <Ltr>{lead.email}</Ltr>;
  return (
    <span className={classes.known}>
      <span className={classes.who}>
        <PersonName person={lead} />
        {lead.name && reached && <span className={classes.reached}>{reached}</span>}
      </span>
      {stage && <Chip tone={STAGE_TONES[stage.kind]}>{stageName(stage.name)}</Chip>}
    </span>
  );
}
