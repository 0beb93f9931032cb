import { Button, Group, TextInput, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useMay } from '@/shared/data/me';
import { Own } from '@/shared/ui/Bidi';
import { textOf } from '@/shared/ui/Form';
import { FormModal } from '@/shared/ui/FormModal';
import { Answered, Section } from '@/shared/ui/Page';

import classes from './WhatsApp.module.css';

type Reply = Schemas['CannedReply'];

const KEY = ['reply'];
const versioned = (reply: Reply) => ({ path: { id: reply.id }, header: ifMatch(reply.version) });

/** The replies that the team keeps ready: in a conversation a slash finds them. */
export function Replies() {
  const { t } = useTranslation();
  const mayManage = useMay()('business:manage');
  const replies = useQuery({ queryKey: KEY, queryFn: () => unwrap(api.GET('/api/wa/replies')).then((whole) => whole.data) });
  const [editing, setEditing] = useState<Reply | 'new' | null>(null);
  const [removing, setRemoving] = useState<Reply | null>(null);
  return (
    <Section title={t('wa.replies.title')} actions={mayManage && <Button data-testid="reply-add" onClick={() => setEditing('new')}>{t('common.add')}</Button>}>
      <p className={classes.hint}>{t('wa.replies.hint')}</p>
      <Answered query={replies}>
        {() => (
          <ul className={classes.replies} aria-label={t('wa.replies.title')}>
            {replies.data?.map((reply) => (
              <li key={reply.id} data-testid="reply-row">
                <strong>
                  <Own>/{reply.shortcut}</Own>
                </strong>
                <p dir="auto">{reply.text}</p>
                {mayManage && (
                  <Group gap="xs">
                    <Button size="compact-md" variant="default" aria-label={t('wa.replies.edit', { shortcut: reply.shortcut })} onClick={() => setEditing(reply)}>
                      {t('common.edit')}
                    </Button>
                    <Button size="compact-md" variant="subtle" color="red" data-testid="reply-delete" aria-label={t('wa.replies.remove', { shortcut: reply.shortcut })} onClick={() => setRemoving(reply)}>
                      {t('common.delete')}
                    </Button>
                  </Group>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <Edit editing={editing} onClose={() => setEditing(null)} />
      <Remove reply={removing} onClose={() => setRemoving(null)} />
    </Section>
  );
}

function Edit({ editing, onClose }: { editing: Reply | 'new' | null; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const known = editing === 'new' ? null : editing;
  const submit = async (form: FormData) => {
    const body = { shortcut: textOf(form, 'shortcut') ?? '', text: textOf(form, 'text') ?? '' };
    try {
      if (known) await unwrap(api.PUT('/api/wa/replies/{id}', { params: versioned(known), body }));
      else await unwrap(api.POST('/api/wa/replies', { body }));
    } finally {
      await client.invalidateQueries({ queryKey: KEY });
    }
  };
  return (
    <FormModal title={t('wa.replies.one')} opened={editing !== null} onClose={onClose} onSubmit={submit} mark={{ 'data-testid': 'reply-save' }}>
      {(fieldError) => (
        <>
          <TextInput name="shortcut" label={t('wa.replies.shortcut')} description={t('wa.replies.shortcutHint')} defaultValue={known?.shortcut ?? ''} error={fieldError('shortcut')} maxLength={33} autoComplete="off" data-autofocus required />
          <Textarea name="text" label={t('wa.replies.text')} description={t('wa.replies.textHint')} defaultValue={known?.text ?? ''} error={fieldError('text')} rows={5} maxLength={1024} required />
        </>
      )}
    </FormModal>
  );
}

/** Removes one for good, after asking. */
function Remove({ reply, onClose }: { reply: Reply | null; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const remove = async () => {
    if (!reply) return;
    try {
      await unwrap(api.DELETE('/api/wa/replies/{id}', { params: versioned(reply) }));
    } finally {
      await client.invalidateQueries({ queryKey: KEY });
    }
  };
  return (
    <FormModal title={t('wa.replies.removeTitle')} action={t('common.delete')} danger opened={reply !== null} onClose={onClose} onSubmit={remove} mark={{ 'data-testid': 'reply-delete-confirm' }}>
      {t('wa.replies.removeHint')}
    </FormModal>
  );
}
