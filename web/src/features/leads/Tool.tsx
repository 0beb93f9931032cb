import { ActionIcon, Button } from '@mantine/core';
import type { ReactNode } from 'react';

import { useIsDesk } from '@/shared/ui/useIsWide';

interface Props {
  text: string;
  icon: ReactNode;
  /** The button or link that it is. */
  as: (props: Record<string, unknown>) => ReactNode;
}

/** Something that is done with a whole list: a sign, and its word where there is room. */
export function Tool({ text, icon, as }: Props) {
  return useIsDesk() ? (
    <Button variant="default" leftSection={icon} renderRoot={as}>
      {text}
    </Button>
  ) : (
    <ActionIcon size={42} variant="default" aria-label={text} title={text} renderRoot={as}>
      {icon}
    </ActionIcon>
  );
}
