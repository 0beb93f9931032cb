import { ActionIcon, Menu } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { useBusinessId } from '@/shared/data/me';
import { useErrorText } from '@/shared/ui/errors';
import { IconReady } from '@/shared/ui/icons';

import classes from './Composer.module.css';

/** The answers that the business has written down for its agent: people use the same ones. */
export function ReadyAnswers({ onChoose }: { onChoose: (text: string) => void }) {
  const { t } = useTranslation();
  const id = useBusinessId();
  const explain = useErrorText();
  const [opened, setOpened] = useState(false);
  const known = useQuery({
    queryKey: ['knowledge', id, 'answers'],
    queryFn: () => unwrap(api.GET('/api/businesses/{id}/knowledge', { params: { path: { id }, query: { limit: 100 } } })),
    enabled: opened,
    staleTime: 60_000,
  });
  const answers = known.data?.data ?? [];
  return (
    <Menu withinPortal={false} opened={opened} onChange={setOpened}>
      <Menu.Target>
        <ActionIcon size={44} variant="subtle" aria-label={t('inbox.ready')} title={t('inbox.ready')} data-testid="ready-answers">
          <IconReady />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown className={classes.ready}>
        <Menu.Label>{t('inbox.ready')}</Menu.Label>
        {known.isLoading && <Menu.Item disabled>{t('common.loading')}</Menu.Item>}
        {known.isLoadingError && (
          <Menu.Item closeMenuOnClick={false} onClick={() => void known.refetch()}>
            {explain(known.error)} {t('common.tryAgain')}
          </Menu.Item>
        )}
        {known.data && answers.length === 0 && <Menu.Item disabled>{t('inbox.noReady')}</Menu.Item>}
        {answers.map((answer) => (
          <Menu.Item key={answer.id} data-testid="ready-answer" onClick={() => onChoose(answer.body)}>
            <bdi className={classes.readyTitle}>{answer.title}</bdi>
            <bdi className={classes.readyBody}>{answer.body}</bdi>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
