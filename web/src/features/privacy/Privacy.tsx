import { Button, Group, NativeSelect, Text, TextInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { dayAndYear } from '@/shared/format/when';
import { Own } from '@/shared/ui/Bidi';
import { Chip, type Tone } from '@/shared/ui/Chip';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { LeadLink } from '@/shared/ui/LeadLink';
import { LeadPicker } from '@/shared/ui/LeadPicker';
import { Answered, Empty, NothingFound, Notice, Page } from '@/shared/ui/Page';
import { MoreRows, Records } from '@/shared/ui/Records';
import { IconPlus } from '@/shared/ui/icons';
import { useAct } from '@/shared/ui/useAct';
import { useNow } from '@/shared/ui/useNow';

type Request = Schemas['SubjectRequest'];

const KINDS = ['access', 'erasure', 'correction'] as const;
const STATES = ['open', 'in_progress', 'done', 'refused'] as const;
const TONES: Record<Schemas['SubjectRequestStatus'], Tone> = { open: 'warn', in_progress: 'accent', done: 'good', refused: 'quiet' };
const isPending = ({ status }: Request) => status === 'open' || status === 'in_progress';

/** What people asked about their data, and until when they have to be answered. */
export function Privacy() {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const now = useNow();
  const [status, setStatus] = useState('');
  const [adding, setAdding] = useState(false);
  const filter = { status: status === '' ? undefined : (status as Schemas['SubjectRequestStatus']) };
  const requests = usePages<Request>(['subject_request', filter], (cursor) => unwrap(api.GET('/api/privacy/requests', { params: { query: { ...filter, cursor, limit: 50 } } })));
  return (
    <Page
      title={t('nav.privacy')}
      actions={
        may('privacy:read') && (
          <Button leftSection={<IconPlus />} onClick={() => setAdding(true)}>
            {t('privacy.add')}
          </Button>
        )
      }
    >
      <Text c="dimmed">{t('privacy.hint')}</Text>
      <Group>
        <NativeSelect
          aria-label={t('tasks.status')}
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value)}
          data={[{ value: '', label: t('privacy.all') }, ...STATES.map((value) => ({ value, label: t(`privacy.status.${value}`) }))]}
        />
      </Group>
      <Answered query={requests}>
        {() =>
          requests.rows.length === 0 && status !== '' ? (
            <NothingFound onClear={() => setStatus('')} />
          ) : requests.rows.length === 0 ? (
            <Empty text={t('privacy.empty')} />
          ) : (
            <Records
              label={t('nav.privacy')}
              rows={requests.rows}
              idOf={(request) => request.id}
              mark={() => ({ 'data-testid': 'privacy-request' })}
              columns={[
                { key: 'who', title: t('privacy.subject'), cell: (request) => <Own>{request.subject}</Own> },
                { key: 'what', title: t('privacy.kind'), cell: (request) => t(`privacy.is.${request.kind}`) },
                { key: 'state', title: t('tasks.status'), cell: (request) => <Chip tone={TONES[request.status]}>{t(`privacy.status.${request.status}`)}</Chip> },
                {
                  key: 'due',
                  title: t('privacy.due'),
                  cell: (request) => <Chip tone={isPending(request) && Date.parse(request.due_at) < now ? 'bad' : 'quiet'}>{dayAndYear(request.due_at, i18n.language)}</Chip>,
                },
                { key: 'lead', title: t('leads.one'), cell: (request) => request.lead_id && <LeadLink id={request.lead_id} /> },
              ]}
              actions={(request) => <Decide request={request} />}
            />
          )
        }
      </Answered>
      <MoreRows query={requests} />
      <NewRequest opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Decide({ request }: { request: Request }) {
  const { t } = useTranslation();
  const may = useMay();
  const act = useAct();
  const [erasing, setErasing] = useState(false);
  if (!isPending(request) || !may('privacy:write')) return null;
  const set = (status: Schemas['SubjectRequestStatus']) =>
    void act(['subject_request'], () => unwrap(api.PATCH('/api/privacy/requests/{id}', { params: { path: { id: request.id }, header: ifMatch(request.version) }, body: { status } })));
  const erase = async () => {
    const body = { lead_id: request.lead_id ?? '', request_id: request.id };
    await act(['subject_request', 'lead'], () => unwrap(api.POST('/api/privacy/erasures', { body })), t('privacy.erasing'));
  };
  return (
    <>
      {request.kind === 'erasure' && request.lead_id && (
        <Button size="compact-md" color="red" onClick={() => setErasing(true)}>
          {t('privacy.erase')}
        </Button>
      )}
      <Button size="compact-md" variant="default" onClick={() => set('done')}>
        {t('privacy.status.done')}
      </Button>
      <Button size="compact-md" variant="default" onClick={() => set('refused')}>
        {t('privacy.refuse')}
      </Button>
      <FormModal title={t('privacy.eraseTitle')} action={t('privacy.erase')} danger opened={erasing} onClose={() => setErasing(false)} onSubmit={erase}>
        <Text>
          <Own>{request.subject}</Own>
        </Text>
        <Notice tone="bad">{t('privacy.eraseHint')}</Notice>
      </FormModal>
    </>
  );
}

function NewRequest({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [lead, setLead] = useState<string | null>(null);
  const submit = async (form: FormData) => {
    const body: Schemas['NewSubjectRequest'] = {
      kind: (textOf(form, 'kind') ?? 'access') as Schemas['SubjectRequestKind'],
      subject: textOf(form, 'subject') ?? '',
      contact: textOf(form, 'contact') ?? '',
      note: textOf(form, 'note') ?? '',
      lead_id: lead,
    };
    await unwrap(api.POST('/api/privacy/requests', { body }));
    setLead(null);
    await client.invalidateQueries({ queryKey: ['subject_request'] });
  };
  return (
    <FormModal title={t('privacy.add')} opened={opened} onClose={onClose} onSubmit={submit}>
      {(fieldError) => (
        <>
          <NativeSelect name="kind" label={t('privacy.kind')} data={KINDS.map((value) => ({ value, label: t(`privacy.is.${value}`) }))} />
          <TextInput name="subject" label={t('privacy.subject')} error={fieldError('subject')} maxLength={200} data-autofocus required />
          <TextInput name="contact" label={t('privacy.contact')} error={fieldError('contact')} maxLength={200} />
          <LeadPicker name="lead_id" label={t('leads.one')} value={lead} onChange={setLead} />
          <Textarea name="note" label={t('leads.notes')} error={fieldError('note')} rows={2} />
        </>
      )}
    </FormModal>
  );
}
