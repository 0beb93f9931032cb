import { Button, NativeSelect, Text, TextInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useBusinessId, useMay } from '@/shared/data/me';
import { usePages } from '@/shared/data/pages';
import { Words } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { MoreRows } from '@/shared/ui/Records';
import { UNDO_MS, useToasts } from '@/shared/ui/Toasts';
import { useAct } from '@/shared/ui/useAct';

import { Line, Lines } from './Lines';

type Entry = Schemas['Knowledge'];

/** What the agent knows: it answers from here, and from nowhere else. */
export function KnowledgeList() {
  const { t } = useTranslation();
  const id = useBusinessId();
  const mayManage = useMay()('business:manage');
  const client = useQueryClient();
  const toasts = useToasts();
  const act = useAct();
  const [editing, setEditing] = useState<Entry | 'new' | null>(null);
  const entries = usePages<Entry>(['knowledge', id], (cursor) => unwrap(api.GET('/api/businesses/{id}/knowledge', { params: { path: { id }, query: { cursor, limit: 50 } } })));
  const known = editing === 'new' ? null : editing;
  const submit = async (form: FormData) => {
    const body = { kind: (textOf(form, 'kind') ?? 'text') as Schemas['KnowledgeKind'], title: textOf(form, 'title') ?? '', body: textOf(form, 'body') ?? '' };
    if (known) {
      const params = { path: { id, entry_id: known.id }, header: ifMatch(known.version) };
      await unwrap(api.PATCH('/api/businesses/{id}/knowledge/{entry_id}', { params, body }));
    } else {
      await unwrap(api.POST('/api/businesses/{id}/knowledge', { params: { path: { id } }, body }));
    }
    await client.invalidateQueries({ queryKey: ['knowledge'] });
  };
  const restore = (entry_id: string) => act(['knowledge'], () => unwrap(api.POST('/api/businesses/{id}/knowledge/{entry_id}/restore', { params: { path: { id, entry_id } } })));
  const remove = async (entry: Entry) => {
    try {
      const params = { path: { id, entry_id: entry.id }, header: ifMatch(entry.version) };
      await unwrap(api.DELETE('/api/businesses/{id}/knowledge/{entry_id}', { params }));
      toasts.show({ text: t('agent.knowledgeDeleted'), action: { label: t('common.undo'), run: () => void restore(entry.id) }, stays: UNDO_MS });
    } catch (error) {
      toasts.fail(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['knowledge'] });
    }
  };
  return (
    <Section title={t('agent.knowledge')} actions={mayManage && <Button onClick={() => setEditing('new')}>{t('common.add')}</Button>}>
      <Answered query={entries}>
        {() => (
          <>
            {entries.rows.length === 0 && <Text c="dimmed">{t('agent.noKnowledge')}</Text>}
            <Lines>
              {entries.rows.map((entry) => (
                <Line
                  key={entry.id}
                  actions={
                    mayManage && (
                      <>
                        <Button size="compact-md" variant="default" onClick={() => setEditing(entry)}>
                          {t('common.edit')}
                        </Button>
                        <Button size="compact-md" variant="subtle" color="red" data-testid="knowledge-delete" onClick={() => void remove(entry)}>
                          {t('common.delete')}
                        </Button>
                      </>
                    )
                  }
                >
                  <Words>
                    <strong>{entry.title}</strong>
                  </Words>
                  <Words>{entry.body}</Words>
                </Line>
              ))}
            </Lines>
          </>
        )}
      </Answered>
      <MoreRows query={entries} />
      <FormModal title={t(known ? 'agent.editKnowledge' : 'agent.addKnowledge')} opened={editing !== null} onClose={() => setEditing(null)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <NativeSelect name="kind" label={t('agent.kind')} defaultValue={known?.kind ?? 'question'} data={(['question', 'text'] as const).map((value) => ({ value, label: t(`agent.is.${value}`) }))} />
            <TextInput name="title" label={t('agent.question')} defaultValue={known?.title ?? ''} error={fieldError('title')} required />
            <Textarea name="body" label={t('agent.answer')} defaultValue={known?.body ?? ''} error={fieldError('body')} rows={5} required />
          </>
        )}
      </FormModal>
    </Section>
  );
}
