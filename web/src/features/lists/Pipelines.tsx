import { Button, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { pipelinesQuery } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useDealStageName } from '@/shared/ui/stageName';
import { useAct } from '@/shared/ui/useAct';

import { KindChip } from './KindChip';
import { Row, Rows } from './Row';
import { positionsAfter } from './order';

type Stage = Schemas['DealStage'];

/** The stages of deals, by pipeline. */
export function Pipelines() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const pipelines = useQuery(pipelinesQuery);
  const [adding, setAdding] = useState(false);
  const submit = async (form: FormData) => {
    await unwrap(api.POST('/api/crm/pipelines', { body: { name: textOf(form, 'name') ?? '' } }));
    await pipelines.refetch();
  };
  return (
    <Section title={t('lists.pipelines')} actions={mayManage && <Button onClick={() => setAdding(true)}>{t('common.add')}</Button>}>
      <Answered query={pipelines}>
        {() => (
          <>
            {pipelines.data?.length === 0 && <Text c="dimmed">{t('deals.noPipeline')}</Text>}
            {pipelines.data?.map((pipeline) => (
              <StagesOf key={pipeline.id} pipeline={pipeline} mayManage={mayManage} />
            ))}
          </>
        )}
      </Answered>
      <FormModal title={t('lists.newPipeline')} opened={adding} onClose={() => setAdding(false)} onSubmit={submit}>
        {(fieldError) => <TextInput name="name" label={t('auth.name')} error={fieldError('name')} maxLength={100} data-autofocus required />}
      </FormModal>
    </Section>
  );
}

function StagesOf({ pipeline, mayManage }: { pipeline: Schemas['Pipeline']; mayManage: boolean }) {
  const { t } = useTranslation();
  const stageName = useDealStageName();
  const act = useAct();
  const [editing, setEditing] = useState<Stage | null>(null);
  const stages = [...pipeline.stages].sort((a, b) => a.position - b.position);
  const path = (stage: Stage) => ({ params: { path: { id: pipeline.id, stage_id: stage.id }, header: ifMatch(stage.version) } });
  const patch = (stage: Stage, body: Schemas['StagePatch']) => unwrap(api.PATCH('/api/crm/pipelines/{id}/stages/{stage_id}', { ...path(stage), body }));
  const remove = (stage: Stage) => void act(['pipeline'], () => unwrap(api.DELETE('/api/crm/pipelines/{id}/stages/{stage_id}', path(stage))));
  const move = (stage: Stage, by: 1 | -1) =>
    void act(['pipeline'], async () => {
      for (const { row, position } of positionsAfter(stages, stage.id, by)) await patch(row, { position });
    });
  const submit = async (form: FormData) => {
    const name = textOf(form, 'name') ?? '';
    // A given stage that keeps its shown name keeps its stored one, which every language shows in its own words.
    if (editing && name !== stageName(editing.name)) await act(['pipeline'], () => patch(editing, { name }));
  };
  return (
    <>
      <Title order={3} size="h6">
        <Own>{pipeline.name}</Own>
      </Title>
      <Rows label={pipeline.name}>
        {stages.map((stage, index) => (
          <Row
            key={stage.id}
            name={stageName(stage.name)}
            chip={stage.kind !== 'open' && <KindChip kind={stage.kind} name={stageName(stage.name)} />}
            {...(mayManage
              ? {
                  onUp: index > 0 ? () => move(stage, -1) : undefined,
                  onDown: index < stages.length - 1 ? () => move(stage, 1) : undefined,
                  onEdit: () => setEditing(stage),
                  onRemove: () => remove(stage),
                }
              : {})}
          >
            <Own>{stageName(stage.name)}</Own>
          </Row>
        ))}
      </Rows>
      <FormModal title={t('lists.editStage')} opened={editing !== null} onClose={() => setEditing(null)} onSubmit={submit}>
        {(fieldError) => <TextInput name="name" label={t('auth.name')} defaultValue={editing ? stageName(editing.name) : ''} error={fieldError('name')} maxLength={100} data-autofocus required />}
      </FormModal>
    </>
  );
}
