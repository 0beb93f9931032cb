import { Button, Input, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { tagsQuery } from '@/shared/data/lists';
import { useMay } from '@/shared/data/me';
import { Own } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';
import { useAct } from '@/shared/ui/useAct';

import { Dot, Row, Rows } from './Row';

type Tag = Schemas['Tag'];

const FIRST_COLOR = '#0b7285';

/** The tags of leads. */
export function Tags() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const act = useAct();
  const tags = useQuery(tagsQuery);
  const [editing, setEditing] = useState<Tag | 'new' | null>(null);
  const known = editing === 'new' || editing === null ? null : editing;
  const submit = async (form: FormData) => {
    const body = { name: textOf(form, 'name') ?? '', color: textOf(form, 'color') ?? '' };
    if (known) await unwrap(api.PATCH('/api/crm/tags/{id}', { params: { path: { id: known.id }, header: ifMatch(known.version) }, body }));
    else await unwrap(api.POST('/api/crm/tags', { body }));
    await tags.refetch();
  };
  const remove = (tag: Tag) => void act(['tag', 'lead'], () => unwrap(api.DELETE('/api/crm/tags/{id}', { params: { path: { id: tag.id }, header: ifMatch(tag.version) } })));
  return (
    <Section title={t('lists.tags')} actions={mayManage && <Button onClick={() => setEditing('new')}>{t('common.add')}</Button>}>
      <Answered query={tags}>
        {() =>
          tags.data?.length ? (
            <Rows label={t('lists.tags')}>
              {tags.data.map((tag) => (
                <Row key={tag.id} name={tag.name} {...(mayManage ? { onEdit: () => setEditing(tag), onRemove: () => remove(tag) } : {})}>
                  <Dot color={tag.color} />
                  <Own>{tag.name}</Own>
                </Row>
              ))}
            </Rows>
          ) : (
            <Text c="dimmed">{t('lists.noTags')}</Text>
          )
        }
      </Answered>
      <FormModal title={t(known ? 'lists.editTag' : 'lists.newTag')} opened={editing !== null} onClose={() => setEditing(null)} onSubmit={submit}>
        {(fieldError) => (
          <>
            <TextInput name="name" label={t('auth.name')} defaultValue={known?.name ?? ''} error={fieldError('name')} maxLength={100} data-autofocus required />
            <Input.Wrapper label={t('lists.color')} error={fieldError('color')}>
              <Input type="color" name="color" aria-label={t('lists.color')} defaultValue={known?.color || FIRST_COLOR} />
            </Input.Wrapper>
          </>
        )}
      </FormModal>
    </Section>
  );
}
