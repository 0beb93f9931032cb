import { Progress, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useMay } from '@/shared/data/me';
import { monthName } from '@/shared/format/when';
import { Cost } from '@/shared/ui/Bidi';
import { Facts } from '@/shared/ui/Facts';
import { Form, textOf } from '@/shared/ui/Form';
import { Answered, Section } from '@/shared/ui/Page';

import { kinds, percentOf, readCap, writeCap } from './cap';
import { useSave } from './useSave';

type Settings = Schemas['BusinessSettings'];
type Spending = Schemas['SpendingView'];

const COLORS = { plenty: 'teal', warn: 'yellow', spent: 'red' } as const;

/** How much the agent may cost in a month, and what it cost. */
export function Budget({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const mayWrite = useMay()('business:write');
  const { id } = settings;
  const spending = useQuery({ queryKey: ['spending', id, settings.version], queryFn: () => unwrap(api.GET('/api/businesses/{id}/spending', { params: { path: { id } } })) });
  return (
    <Section title={t('budget.title')}>
      <Answered query={spending}>{() => spending.data && <Spent spending={spending.data} />}</Answered>
      {mayWrite && <Cap settings={settings} />}
    </Section>
  );
}

function Cap({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const save = useSave(settings);
  const submit = async (form: FormData) => {
    const body: Schemas['SettingsPatch'] = { monthly_budget_micro_usd: capOf(form) };
    const params = { path: { id: settings.id }, header: ifMatch(settings.version) };
    await save(() => unwrap(api.PATCH('/api/businesses/{id}', { params, body })));
  };
  return (
    <Form action={t('common.save')} onSubmit={submit}>
      {(fieldError) => (
        <TextInput
          name="monthly_budget_micro_usd"
          label={t('budget.cap')}
          description={t('budget.hint')}
          placeholder={t('budget.none')}
          defaultValue={writeCap(settings.monthly_budget_micro_usd)}
          error={fieldError('monthly_budget_micro_usd')}
          inputMode="decimal"
          dir="ltr"
        />
      )}
    </Form>
  );
}

/** What somebody typed as a budget; a refusal like the API's own where it is no amount. */
function capOf(form: FormData): number | null {
  const cap = readCap(textOf(form, 'monthly_budget_micro_usd'));
  if (cap === undefined) {
    const errors = [{ pointer: '/monthly_budget_micro_usd', detail: 'expected an amount' }];
    throw new ApiError({ code: 'body-invalid', status: 400, title: '', type: 'about:blank', errors });
  }
  return cap;
}

function Spent({ spending }: { spending: Spending }) {
  const { t, i18n } = useTranslation();
  const cap = spending.monthly_budget_micro_usd;
  const total = spending.spent_micro_usd + spending.going_on_micro_usd;
  const month = spending.months.find((one) => one.month === spending.month);
  const earlier = spending.months.filter((one) => one.month !== spending.month);
  const title = t('budget.month', { month: monthName(spending.month, i18n.language) });
  return (
    <Stack gap="sm">
      <Text fw={600}>
        {title}: <Cost microUsd={total} />
      </Text>
      {typeof cap === 'number' && (
        <>
          <Progress value={percentOf(total, cap)} color={COLORS[spending.state]} aria-label={title} />
          <Text c="dimmed">
            <Cost microUsd={total} /> {t('budget.of')} <Cost microUsd={cap} />. {t(`budget.state.${spending.state}`)}
          </Text>
        </>
      )}
      <Facts
        facts={[
          ...(month === undefined ? [] : kinds(month).map(([kind, cost]) => [t(`budget.${kind}`), cost === 0 ? null : <Cost key={kind} microUsd={cost} />] as const)),
          [t('budget.carrier'), month && month.carrier_micro_usd > 0 ? <Cost key="carrier" microUsd={month.carrier_micro_usd} /> : null],
          [t('budget.goingOn'), spending.going_on_micro_usd === 0 ? null : <Cost key="now" microUsd={spending.going_on_micro_usd} />],
        ]}
      />
      {earlier.length > 0 && (
        <>
          <Text fw={600}>{t('budget.earlier')}</Text>
          <Facts facts={earlier.map((one) => [monthName(one.month, i18n.language), <Cost key={one.month} microUsd={one.total_micro_usd} />] as const)} />
        </>
      )}
    </Stack>
  );
}
