import { ActionIcon, Menu } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { IconMore } from '@/shared/ui/icons';

/** Something that is done to a row once in a long while. */
export interface Rare {
  text: string;
  isDanger?: boolean;
  act: () => void;
}

/** What is rarely done to a row, behind one button. */
export function RowMenu({ name, items }: { name: string; items: readonly Rare[] }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon size={30} variant="default" aria-label={`${t('common.actions')}: ${name}`}>
          <IconMore size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {items.map(({ text, isDanger = false, act }) => (
          <Menu.Item key={text} {...(isDanger ? { color: 'red' } : {})} onClick={act}>
            {text}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
