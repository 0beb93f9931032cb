import { Modal, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { Copied } from '@/shared/ui/Copied';
import { Notice } from '@/shared/ui/Page';

/** Shows a secret the one time that the server tells it. */
export function Secret({ title, secret, onClose }: { title: string; secret: string | null; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={secret !== null} onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
      <Stack>
        <Notice tone="warn">{t('connections.secretOnce')}</Notice>
        <Copied text={secret ?? ''} />
      </Stack>
    </Modal>
  );
}
