import { ActionIcon, Button, Menu, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { accountName, useMembers, useStages, useTags } from '@/shared/data/lists';
import { useBusinessId, useMe } from '@/shared/data/me';
import { withChosen } from '@/shared/ui/choices';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { IconFilter, IconOpen, IconSearch } from '@/shared/ui/icons';
import { useStageName } from '@/shared/ui/stageName';
import { useIsWide } from '@/shared/ui/useIsWide';

import type { LeadFilter } from './data';
import classes from './LeadFilters.module.css';
import { type SavedView, readViews, viewsKey, withView } from './views';

interface Props {
  filter: LeadFilter;
  onChange: (filter: LeadFilter) => void;
}

/** What the list is narrowed to, and the views that were saved. */
export function LeadFilters({ filter, onChange }: Props) {
  const { t } = useTranslation();
  const stageName = useStageName();
  const stages = useStages();
  const tags = useTags();
  const members = useMembers();
  const search = useDebouncedCallback((q: string) => {
    // The API finds from two letters on; less is no search.
    onChange({ ...filter, q: q.trim().length >= 2 ? q.trim() : undefined });
  }, 250);
  const choose = (field: keyof LeadFilter) => (event: { currentTarget: { value: string } }) => onChange({ ...filter, [field]: event.currentTarget.value || undefined });
  // A view fills the search field anew; typing does not.
  const [views, setViews] = useState(0);
  // A phone shows people first, and what they are narrowed to when it is asked for.
  const isWide = useIsWide();
  const [isOpen, setIsOpen] = useState(false);
  const isFiltered = Object.values({ ...filter, q: undefined }).some((value) => value !== undefined);
  const any = (text: string) => ({ value: '', label: text });
  return (
    <div className={classes.filters}>
      <TextInput
        key={views}
        className={classes.search}
        type="search"
        aria-label={t('leads.search')}
        placeholder={t('leads.search')}
        leftSection={<IconSearch />}
        defaultValue={filter.q}
        onChange={(event) => search(event.currentTarget.value)}
      />
      {!isWide && (
        <ActionIcon size={42} variant={isFiltered ? 'light' : 'default'} aria-label={t('leads.filter')} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          <IconFilter />
        </ActionIcon>
      )}
      {(isWide || isOpen) && (
        <div className={classes.choices}>
          <NativeSelect
            aria-label={t('leads.stage')}
            value={filter.stage ?? ''}
            onChange={choose('stage')}
            data={withChosen([any(t('leads.anyStage')), ...stages.map((stage) => ({ value: stage.id, label: stageName(stage.name) }))], filter.stage)}
          />
          {(tags.length > 0 || filter.tag !== undefined) && (
            <NativeSelect
              aria-label={t('leads.tag')}
              value={filter.tag ?? ''}
              onChange={choose('tag')}
              data={withChosen([any(t('leads.anyTag')), ...tags.map((tag) => ({ value: tag.id, label: tag.name }))], filter.tag)}
            />
          )}
          <NativeSelect
            aria-label={t('leads.assignee')}
            value={filter.assignee ?? ''}
            onChange={choose('assignee')}
            data={withChosen([any(t('leads.anyAssignee')), { value: 'none', label: t('leads.nobody') }, ...members.map((member) => ({ value: member.id, label: accountName(member) }))], filter.assignee)}
          />
          <NativeSelect
            aria-label={t('leads.sort')}
            value={filter.sort ?? ''}
            onChange={choose('sort')}
            data={[any(t('leads.byActivity')), { value: '-created_at', label: t('leads.newestFirst') }, { value: 'created_at', label: t('leads.oldestFirst') }]}
          />
          <Views
            filter={filter}
            onChange={(chosen) => {
              setViews(views + 1);
              onChange(chosen);
            }}
          />
        </div>
      )}
    </div>
  );
}

function Views({ filter, onChange }: Props) {
  const { t } = useTranslation();
  const key = viewsKey(useMe().id, useBusinessId());
  const [views, setViews] = useState(() => readViews(localStorage.getItem(key)));
  const [naming, setNaming] = useState(false);
  const keep = (changed: SavedView[]) => {
    setViews(changed);
    localStorage.setItem(key, JSON.stringify(changed));
  };
  const save = (form: FormData) => {
    keep(withView(views, { name: textOf(form, 'name') ?? '', filter }));
    return Promise.resolve();
  };
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button variant="default" rightSection={<IconOpen size={16} />}>
            {t('leads.views')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => onChange({})}>{t('leads.allLeads')}</Menu.Item>
          {views.map((view) => (
            <Menu.Item key={view.name} onClick={() => onChange(view.filter)}>
              <bdi>{view.name}</bdi>
            </Menu.Item>
          ))}
          <Menu.Item disabled={!isFiltered} onClick={() => setNaming(true)}>
            {t('leads.saveView')}
          </Menu.Item>
          {!isFiltered && <Menu.Label>{t('leads.saveViewWhen')}</Menu.Label>}
          {views.length > 0 && <Menu.Item onClick={() => keep([])}>{t('leads.forgetViews')}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <FormModal title={t('leads.saveView')} opened={naming} onClose={() => setNaming(false)} onSubmit={save}>
        <TextInput name="name" label={t('leads.viewName')} maxLength={60} data-autofocus required />
      </FormModal>
    </>
  );
}
