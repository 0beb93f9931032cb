import { useTranslation } from 'react-i18next';

import { Page } from '@/shared/ui/Page';

import { Fields } from './Fields';
import { Pipelines } from './Pipelines';
import { Stages } from './Stages';
import { Tags } from './Tags';

/** What the business calls things by: stages of leads, tags, fields of its own, stages of deals. */
export function Lists() {
  const { t } = useTranslation();
  return (
    <Page title={t('nav.lists')}>
      <Stages />
      <Tags />
      <Fields />
      <Pipelines />
    </Page>
  );
}
