import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { stagesQuery, useStages } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useStageName } from '@/shared/ui/stageName';
import { useAct } from '@/shared/ui/useAct';

import { KindChip } from './KindChip';
import { Row, Rows } from './Row';
import { positionsAfter } from './order';

type Stage = Schemas['Stage'];

const KINDS = ['open', 'won', 'lost'] as const;

/** The stages that leads pass through. */
export function Stages() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const stageName = useStageName();
  const act = useAct();
  const query = useQuery(stagesQuery);
  const stages = useStages();
  const [editing, setEditing] = useState<Stage | 'new' | null>(null);
  const known = editing === 'new' || editing === null ? null : editing;
  const patch = (stage: Stage, body: Schemas['StagePatch']) => unwrap(api.PATCH('/api/crm/stages/{id}', { params: { path: { id: stage.id }, header: ifMatch(stage.version) }, body }));
  const submit = async (form: FormData) => {
    const name = textOf(form, 'name') ?? '';
    const kind = (textOf(form, 'kind') ?? 'open') as Schemas['StageKind'];
    // A given stage that keeps its shown name keeps its stored one, which every language shows in its own words.
    const isRenamed = known !== null && name !== stageName(known.name);
    if (known) await patch(known, { kind, ...(isRenamed ? { name } : {}) });
    else await unwrap(api.POST('/api/crm/stages', { body: { name, kind } }));
    await query.refetch();
  };
  const remove = (stage: Stage) => void act(['stage'], () => unwrap(api.DELETE('/api/crm/stages/{id}', { params: { path: { id: stage.id }, header: ifMatch(stage.version) } })));
  const move = (stage: Stage, by: 1 | -1) =>
    void act(['stage'], async () => {
      for (const { row, position } of positionsAfter(stages, stage.id, by)) await patch(row, { position });
    });
  return (
    <Section title={t('lists.stages')} actions={mayManage && <Button onClick={() => setEditing('new')}>{t('common.add')}</Button>}>
      <Answered query={query}>
        {() => (
          <Rows label={t('lists.stages')}>
            {stages.map((stage, index) => (
              <Row
                key={stage.id}
                name={stageName(stage.name)}
                chip={<KindChip kind={stage.kind} name={stageName(stage.name)} />}
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
        )}
      </Answered>
      <FormModal title={t(known ? 'lists.editStage' : 'lists.newStage')} opened={editing !== null} onClose={() => setEditing(null)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('auth.name')} defaultValue={known ? stageName(known.name) : ''} error={fieldError('name')} maxLength={100} data-autofocus required />
            <NativeSelect name="kind" label={t('lists.meaning')} defaultValue={known?.kind ?? 'open'} data={KINDS.map((value) => ({ value, label: t(`lists.kind.${value}`) }))} />
          </>
        )}
      </FormModal>
    </Section>
  );
}
