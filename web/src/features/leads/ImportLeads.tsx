import { Button, FileButton, Group, Progress, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useErrorText } from '@/shared/ui/errors';
import { FileName } from '@/shared/ui/Bidi';
import { Facts } from '@/shared/ui/Facts';
import { Notice, Page, Section } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';
import { IconUpload } from '@/shared/ui/icons';

type Job = Schemas['BatchJob'];

/** What is being done with the file: looking what would happen, importing it, or taking that back. */
type Step = 'look' | 'import' | 'undo';

/** How often a job that goes on is looked at, in milliseconds. */
const LOOK_MS = 700;

const isOver = (job: Job | undefined) => job !== undefined && !['queued', 'running'].includes(job.state);

/** A job, looked at until it is over. */
function useJob(id: string | null) {
  return useQuery({
    queryKey: ['job', id],
    queryFn: () => unwrap(api.GET('/api/jobs/{id}', { params: { path: { id: id ?? '' } } })),
    enabled: id !== null,
    refetchInterval: (query) => (isOver(query.state.data) ? false : LOOK_MS),
  });
}

/** Sends the file as it is: the server finds out in which encoding it is written. */
function upload(file: File, dry_run: boolean): Promise<Job> {
  const asked = api.POST('/api/crm/leads/imports', {
    params: { query: { dry_run } },
    body: file as unknown as string,
    bodySerializer: (body) => body as unknown as File,
    headers: { 'content-type': 'text/csv' },
  });
  return unwrap(asked);
}

/** Leads from a CSV file: first what would happen, then that it happens, and that it can be taken back. */
export function ImportLeads() {
  const { t } = useTranslation();
  const explain = useErrorText();
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [step, setStep] = useState<Step>('look');
  const [asked, setAsked] = useState<string | null>(null);
  const [imported, setImported] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [sending, setSending] = useState(false);
  const job = useJob(asked);
  const over = isOver(job.data);
  useEffect(() => {
    if (over && step !== 'look') void client.invalidateQueries({ queryKey: ['lead'] });
  }, [over, step, client]);
  const begin = async (next: Step, ask: () => Promise<Job>) => {
    setSending(true);
    setError(null);
    setAsked(null);
    setStep(next);
    try {
      const begun = await ask();
      setAsked(begun.id);
      if (next === 'import') setImported(begun.id);
    } catch (caught) {
      setError(caught);
    } finally {
      setSending(false);
    }
  };
  const choose = (chosen: File | null) => {
    setFile(chosen);
    setImported(null);
    setAsked(null);
    if (chosen) void begin('look', () => upload(chosen, true));
  };
  const undo = (id: string) => begin('undo', () => unwrap(api.POST('/api/crm/leads/imports/{id}/undo', { params: { path: { id } } })));
  const problem = error ?? job.error;
  const isBusy = sending || (asked !== null && !over && !problem);
  return (
    <Page
      title={t('import.title')}
      actions={
        <Button component={Link} to="/leads" variant="default">
          {t('import.back')}
        </Button>
      }
    >
      <Section>
        <Text>{t('import.hint')}</Text>
        <Group>
          <FileButton accept=".csv,text/csv" inputProps={{ 'aria-label': t('import.file') }} onChange={choose} disabled={isBusy}>
            {(props) => (
              <Button {...props} leftSection={<IconUpload />} disabled={isBusy}>
                {t('import.choose')}
              </Button>
            )}
          </FileButton>
          {file && <FileName name={file.name} />}
        </Group>
        {isBusy && <Running job={job.data} />}
        {problem && <Notice tone="bad">{explain(problem)}</Notice>}
      </Section>
      {job.data && over && (
        <Outcome job={job.data} step={step}>
          {step === 'look' && file && (
            <Button disabled={job.data.done === 0} onClick={() => void begin('import', () => upload(file, false))}>
              {t('import.go', { count: job.data.done })}
            </Button>
          )}
          {step === 'import' && imported && job.data.done > 0 && (
            <Button variant="default" onClick={() => void undo(imported)}>
              {t('import.undo')}
            </Button>
          )}
        </Outcome>
      )}
    </Page>
  );
}

/** Writes a number of rows: four digits and more are read in groups. */
function useCount(): (value: number) => string {
  const { i18n } = useTranslation();
  return (value) => new Intl.NumberFormat(i18n.language).format(value);
}

/** How far it has come. */
function Running({ job }: { job: Job | undefined }) {
  const { t } = useTranslation();
  const count = useCount();
  const total = job?.total ?? 0;
  const seen = (job?.done ?? 0) + (job?.failed ?? 0);
  const text = total > 0 ? t('import.running', { seen: count(seen), total: count(total) }) : t('common.loading');
  return (
    <>
      <Text role="status">{text}</Text>
      {total > 0 && <Progress value={(seen / total) * 100} aria-label={text} />}
    </>
  );
}

/** What came of it. */
function Outcome({ job, step, children }: { job: Job; step: Step; children: React.ReactNode }) {
  const { t } = useTranslation();
  const count = useCount();
  const titles = { look: 'import.would', import: 'import.done', undo: 'import.undone' } as const;
  const reason = ({ code }: Job['errors'][number]) => t(`problem.${code}`, { defaultValue: t('import.unreadable') });
  const counts: [string, string][] = [
    [t('import.rows'), count(job.total ?? job.done + job.failed)],
    [t('import.created'), count(job.done)],
    [t('import.failed'), count(job.failed)],
  ];
  return (
    <Section title={t(job.state === 'done' ? titles[step] : 'import.stopped')}>
      <Facts facts={step === 'undo' ? [[t('import.removed'), count(job.done)]] : counts} />
      <Group>{children}</Group>
      {job.errors.length > 0 && (
        <Records
          label={t('import.failed')}
          rows={job.errors}
          idOf={(row) => `${row.item}-${row.code}`}
          card={(row) => (
            <div>
              {t('import.line')} {row.item}: {reason(row)}
            </div>
          )}
          columns={[
            { key: 'line', title: t('import.line'), cell: (row) => row.item },
            { key: 'code', title: t('import.reason'), cell: reason },
          ]}
        />
      )}
    </Section>
  );
}
