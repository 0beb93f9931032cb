import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { IconMoon, IconSun } from './icons';

/** Light or dark. */
export function ThemeSwitch() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <ActionIcon size={44} variant="subtle" aria-label={t(other === 'dark' ? 'shell.dark' : 'shell.light')} onClick={() => setColorScheme(other)}>
      {other === 'dark' ? <IconMoon /> : <IconSun />}
    </ActionIcon>
  );
}
