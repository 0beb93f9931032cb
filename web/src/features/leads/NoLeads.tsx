import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useMay } from '@/shared/data/me';
import { Empty } from '@/shared/ui/Page';

/** What stands where a business has no leads yet: how the first ones come. */
export function NoLeads({ onAdd }: { onAdd: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <Empty text={t('leads.empty')}>
      {may('leads:write') && <Button onClick={onAdd}>{t('leads.add')}</Button>}
      {may('leads:manage') && (
        <Button component={Link} to="/leads/import" variant="default">
          {t('leads.import')}
        </Button>
      )}
    </Empty>
  );
}
