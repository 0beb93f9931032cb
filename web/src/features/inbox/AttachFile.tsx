import { ActionIcon } from '@mantine/core';
import { type ChangeEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { useToasts } from '@/shared/ui/Toasts';
import { IconAttach } from '@/shared/ui/icons';

import { useSend, useUpload } from './data';

/** The largest file that is sent, in bytes; the server refuses larger ones. */
const MOST_BYTES = 16_000_000;

/** Chooses a file and sends it. */
export function AttachFile({ conversationId }: { conversationId: string }) {
  const { t } = useTranslation();
  const toasts = useToasts();
  const input = useRef<HTMLInputElement>(null);
  const upload = useUpload(conversationId);
  const send = useSend(conversationId);
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.currentTarget.files?.[0];
    // The same file may be chosen once more.
    event.currentTarget.value = '';
    if (!file) return;
    if (file.size > MOST_BYTES) {
      toasts.show({ text: t('inbox.file.tooLarge'), tone: 'bad' });
      return;
    }
    upload.mutate(file, { onSuccess: ({ id }) => send.mutate({ file: { id, name: file.name } }) });
  };
  return (
    <>
      <input ref={input} type="file" hidden onChange={chosen} data-testid="attach-input" />
      <ActionIcon size={44} variant="subtle" loading={upload.isPending} aria-label={t('inbox.file.attach')} title={t('inbox.file.limits')} data-testid="attach-file" onClick={() => input.current?.click()}>
        <IconAttach />
      </ActionIcon>
    </>
  );
}
