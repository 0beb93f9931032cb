import { Button, FileButton, Group, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, unwrap } from '@/api/client';
import { useErrorText } from '@/shared/ui/errors';
import { Own } from '@/shared/ui/Bidi';
import { Facts } from '@/shared/ui/Facts';
import { Notice, Page, Section } from '@/shared/ui/Page';
import { Records } from '@/shared/ui/Records';
import { useToasts } from '@/shared/ui/Toasts';
import { IconUpload } from '@/shared/ui/icons';

/** Leads from a CSV file: first what would happen, then that it happens, and that it can be taken back. */
export function ImportLeads() {
  const { t } = useTranslation();
  const explain = useErrorText();
  const client = useQueryClient();
  const toasts = useToasts();
  const [file, setFile] = useState<File | null>(null);
  const [result, setResult] = useState<Schemas['LeadImport'] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const send = async (csv: File, dry_run: boolean) => {
    setBusy(true);
    setError(null);
    try {
      const asked = api.POST('/api/crm/leads/imports', {
        params: { query: { dry_run } },
        body: await csv.text(),
        bodySerializer: (body) => body,
        headers: { 'content-type': 'text/csv' },
      });
      setResult(await unwrap(asked));
      if (!dry_run) await client.invalidateQueries({ queryKey: ['lead'] });
    } catch (caught) {
      setResult(null);
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const choose = (chosen: File | null) => {
    setFile(chosen);
    setResult(null);
    if (chosen) void send(chosen, true);
  };
  const undo = async (id: string) => {
    try {
      setResult(await unwrap(api.POST('/api/crm/leads/imports/{id}/undo', { params: { path: { id } } })));
      await client.invalidateQueries({ queryKey: ['lead'] });
    } catch (caught) {
      toasts.fail(caught);
    }
  };
  return (
    <Page
      title={t('import.title')}
      actions={
        <Button component={Link} to="/leads" variant="default">
          {t('nav.leads')}
        </Button>
      }
    >
      <Section>
        <Text>{t('import.hint')}</Text>
        <Group>
          <FileButton accept=".csv,text/csv" inputProps={{ 'aria-label': t('import.file') }} onChange={choose}>
            {(props) => (
              <Button {...props} leftSection={<IconUpload />}>
                {t('import.choose')}
              </Button>
            )}
          </FileButton>
          {file && <Own>{file.name}</Own>}
        </Group>
        {busy && <Text role="status">{t('common.loading')}</Text>}
        {error !== null && <Notice tone="bad">{explain(error)}</Notice>}
      </Section>
      {result && (
        <Section title={t(result.dry_run ? 'import.would' : result.state === 'undone' ? 'import.undone' : 'import.done')}>
          <Facts
            facts={[
              [t('import.rows'), String(result.rows)],
              [t('import.created'), String(result.created)],
              [t('import.failed'), String(result.failed)],
            ]}
          />
          <Group>
            {result.dry_run && file && (
              <Button loading={busy} disabled={result.created === 0} onClick={() => void send(file, false)}>
                {t('import.go', { count: result.created })}
              </Button>
            )}
            {!result.dry_run && result.state === 'done' && (
              <Button variant="default" onClick={() => void undo(result.id)}>
                {t('import.undo')}
              </Button>
            )}
          </Group>
          {result.errors.length > 0 && (
            <Records
              label={t('import.failed')}
              rows={result.errors}
              idOf={(row) => `${row.line}-${row.code}`}
              columns={[
                { key: 'line', title: t('import.line'), cell: (row) => row.line },
                { key: 'code', title: t('import.reason'), cell: (row) => t(`problem.${row.code}`, { defaultValue: t('import.unreadable') }) },
              ]}
            />
          )}
        </Section>
      )}
    </Page>
  );
}
