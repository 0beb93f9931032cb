import { Button, TextInput, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Conversation } from '@/shared/data/chat';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';

import { useSend } from './data';

/** Sends a message that the channel approved beforehand. */
export function SendTemplate({ conversation }: { conversation: Conversation }) {
  const { t, i18n } = useTranslation();
  const [opened, setOpened] = useState(false);
  const send = useSend(conversation.id);
  const submit = (form: FormData) => {
    const parameters = (textOf(form, 'parameters') ?? '').split('\n').filter((line) => line.trim() !== '');
    return send.mutateAsync({ template: { name: textOf(form, 'name') ?? '', language: textOf(form, 'language') ?? '', parameters } });
  };
  return (
    <>
      <Button variant="default" data-testid="send-template" onClick={() => setOpened(true)}>
        {t('inbox.template')}
      </Button>
      <FormModal title={t('inbox.template')} action={t('inbox.send')} opened={opened} onClose={() => setOpened(false)} onSubmit={submit}>
        <TextInput name="name" label={t('inbox.templateName')} dir="ltr" maxLength={512} required data-autofocus />
        <TextInput name="language" label={t('inbox.templateLanguage')} dir="ltr" maxLength={20} defaultValue={i18n.language} required />
        <Textarea name="parameters" label={t('inbox.templateParameters')} description={t('inbox.templateParametersHint')} rows={3} />
      </FormModal>
    </>
  );
}
