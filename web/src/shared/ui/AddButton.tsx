import { ActionIcon, Button } from '@mantine/core';

import { IconPlus } from './icons';
import { useIsWide } from './useIsWide';

/** Adds something. A phone has one line for the heading and what can be done, so it is a sign alone there. */
export function AddButton({ text, onClick }: { text: string; onClick: () => void }) {
  return useIsWide() ? (
    <Button leftSection={<IconPlus />} onClick={onClick}>
      {text}
    </Button>
  ) : (
    <ActionIcon size={44} variant="filled" aria-label={text} title={text} onClick={onClick}>
      <IconPlus />
    </ActionIcon>
  );
}
