import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { longTime } from '@/shared/format/when';
import { AddButton } from '@/shared/ui/AddButton';
import { Own, Sum } from '@/shared/ui/Bidi';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadLink } from '@/shared/ui/LeadLink';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { MoneyFields, moneyOf } from '@/shared/ui/MoneyFields';
import { Answered, Empty, NothingFound, Page } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';
import { IconPlus } from '@/shared/ui/icons';

type Payment = Schemas['Payment'];

const STATES = ['pending', 'paid', 'failed', 'cancelled', 'refunded'] as const;
const TONES: Record<Schemas['PaymentStatus'], Tone> = { pending: 'warn', paid: 'good', failed: 'bad', cancelled: 'quiet', refunded: 'quiet' };
/** Ways that money comes by without a provider. */
const METHODS = ['cash', 'transfer', 'card', 'other'] as const;

/** When a payment came in; until it does, when it was asked for. */
function shownAt(payment: Payment): string {
  return payment.paid_at ?? payment.created_at;
}

/** Payments: asked for and received. */
export function Payments() {
  const { t, i18n } = useTranslation();
  const mayWrite = useMay()('payments:write');
  const [status, setStatus] = useState('');
  const [adding, setAdding] = useState(false);
  const filter = { status: status === '' ? undefined : (status as Schemas['PaymentStatus']) };
  const payments = usePages<Payment>(['payment', 'list', filter], (cursor) => unwrap(api.GET('/api/crm/payments', { params: { query: { ...filter, cursor, limit: 50 } } })));
  // The server's order is by when they were written down, which is not what is shown of one that came in.
  const rows = useMemo(() => [...payments.rows].sort((a, b) => Date.parse(shownAt(b)) - Date.parse(shownAt(a))), [payments.rows]);
  const mayBeSettled = (payment: Payment) => mayWrite && payment.status === 'pending';
  return (
    <Page
      title={t('nav.payments')}
      actions={
        <>
          <NativeSelect
            aria-label={t('tasks.status')}
            value={status}
            onChange={(event) => setStatus(event.currentTarget.value)}
            data={[{ value: '', label: t('payments.all') }, ...STATES.map((value) => ({ value, label: t(`payments.status.${value}`) }))]}
          />
          {mayWrite && <AddButton text={t('payments.add')} onClick={() => setAdding(true)} />}
        </>
      }
    >
      <Answered query={payments}>
        {() =>
          payments.rows.length === 0 && status !== '' ? (
            <NothingFound onClear={() => setStatus('')} />
          ) : payments.rows.length === 0 ? (
            <Empty text={t('payments.empty')}>
              {mayWrite && (
                <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
                  {t('payments.add')}
                </Button>
              )}
            </Empty>
          ) : (
            <Records
              label={t('nav.payments')}
              rows={rows}
              idOf={(payment) => payment.id}
              columns={[
                { key: 'who', title: t('leads.one'), cell: (payment) => <LeadLink id={payment.lead_id} /> },
                { key: 'sum', title: t('deals.value'), cell: (payment) => <Sum money={payment.value} />, atEnd: true },
                { key: 'state', title: t('tasks.status'), cell: (payment) => <Chip tone={TONES[payment.status]}>{t(`payments.status.${payment.status}`)}</Chip> },
                { key: 'how', title: t('payments.how'), cell: (payment) => t(`payments.method.${payment.method}`) },
                { key: 'for', title: t('payments.for'), cell: (payment) => payment.description && <Own>{payment.description}</Own> },
                { key: 'at', title: t('calls.at'), cell: (payment) => longTime(shownAt(payment), i18n.language) },
              ]}
              {...(rows.some(mayBeSettled) ? { actions: (payment: Payment) => mayBeSettled(payment) && <Settle payment={payment} /> } : {})}
            />
          )
        }
      </Answered>
      <MoreRows query={payments} />
      <NewPayment opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Settle({ payment }: { payment: Payment }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const set = async (status: Schemas['PaymentStatus']) => {
    try {
      const params = { path: { id: payment.id }, header: ifMatch(payment.version) };
      await unwrap(api.PATCH('/api/crm/payments/{id}', { params, body: { status } }));
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['payment'] });
    }
  };
  return (
    <>
      <Button size="compact-md" onClick={() => void set('paid')}>
        {t('payments.status.paid')}
      </Button>
      <Button size="compact-md" variant="default" onClick={() => void set('cancelled')}>
        {t('common.cancel')}
      </Button>
    </>
  );
}

function NewPayment({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [lead, setLead] = useState<string | null>(null);
  const submit = async (form: FormData) => {
    const method = (textOf(form, 'method') ?? 'other') as Schemas['PaymentMethod'];
    const body = { lead_id: lead ?? '', value: moneyOf(form), method, description: textOf(form, 'description'), paid_at: new Date().toISOString() };
    await unwrap(api.POST('/api/crm/payments', { body }));
    setLead(null);
    await client.invalidateQueries({ queryKey: ['payment'] });
  };
  return (
    <FormModal title={t('payments.add')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <LeadPicker name="lead_id" label={t('leads.one')} value={lead} onChange={setLead} required />
          <MoneyFields error={fieldError('amount') ?? fieldError('value')} />
          <NativeSelect name="method" label={t('payments.how')} data={METHODS.map((value) => ({ value, label: t(`payments.method.${value}`) }))} />
          <TextInput name="description" label={t('payments.for')} error={fieldError('description')} maxLength={200} />
        </>
      )}
    </FormModal>
  );
}
