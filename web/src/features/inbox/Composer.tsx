import { ActionIcon, Button, SegmentedControl, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ComponentProps, type KeyboardEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { type Conversation, waStatusQuery } from '@/shared/data/chat';
import { useMay } from '@/shared/data/me';
import { Turned } from '@/shared/ui/Bidi';
import { useAct } from '@/shared/ui/useAct';
import { useNow } from '@/shared/ui/useNow';
import { IconSend } from '@/shared/ui/icons';

import { AttachFile } from './AttachFile';
import classes from './Composer.module.css';
import { ReadyAnswers } from './ReadyAnswers';
import { ReplyList, optionId } from './ReplyList';
import { SendTemplate } from './SendTemplate';
import { useSend } from './data';
import { isWindowClosed } from './thread';
import { useReplies } from './useReplies';

type Mode = 'message' | 'note';

/** Where somebody writes: to the customer, or a note that only the team sees. */
export function Composer({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  const may = useMay();
  const [mode, setMode] = useState<Mode>('message');
  const canNote = !!conversation.lead_id && may('leads:write');
  if (!may('conversations:write')) return <p className={classes.closed}>{t('inbox.readOnly')}</p>;
  return (
    <div className={classes.composer}>
      {canNote && (
        <SegmentedControl
          aria-label={t('inbox.mode')}
          className={classes.mode ?? ''}
          value={mode}
          onChange={(value) => setMode(value)}
          data={[
            { value: 'message', label: t('inbox.asMessage') },
            { value: 'note', label: t('inbox.asNote') },
          ]}
        />
      )}
      {mode === 'note' && conversation.lead_id ? <NoteField leadId={conversation.lead_id} /> : <MessageField conversation={conversation} />}
    </div>
  );
}

function MessageField({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [caret, setCaret] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const change = (words: string, at: number) => {
    setText(words);
    setCaret(at);
  };
  const replies = useReplies({ conversation, text, caret, field, onChange: change });
  const status = useQuery(waStatusQuery);
  const send = useSend(conversation.id);
  const now = useNow();
  // Without a link nothing goes out; where the connection is only away, what is written waits for it.
  const isLinked = status.data === undefined || status.data.ready || status.data.state === 'unreachable' || status.data.state === 'connecting';
  if (status.error || !isLinked) return <p className={classes.closed}>{t('inbox.notReady')}</p>;
  if (status.data && isWindowClosed(status.data.needs_templates, conversation.last_inbound_at, now)) {
    return (
      <div className={classes.closed}>
        <p>{t('inbox.windowClosed')}</p>
        <SendTemplate conversation={conversation} />
      </div>
    );
  }
  const words = text.trim();
  const submit = () => {
    if (words === '') return;
    setText('');
    // What the server refuses comes back into the field, unless something else stands there by now.
    send.mutate({ text: words }, { onError: () => setText((now) => (now === '' ? words : now)) });
  };
  const put = (answer: string) => {
    setText((now) => (now.trim() === '' ? answer : `${now.trimEnd()}\n${answer}`));
    field.current?.focus();
  };
  return (
    <Field
      value={text}
      onChange={change}
      onSubmit={submit}
      onKey={replies.pressed}
      onCaret={setCaret}
      field={field}
      label={t('inbox.write')}
      action={t('inbox.send')}
      testId="send-message"
      mark={replies.offered.length > 0 ? { 'aria-controls': replies.listId, 'aria-activedescendant': optionId(replies.listId, replies.chosen) } : {}}
    >
      <ReplyList id={replies.listId} offered={replies.offered} chosen={replies.chosen} wordsOf={replies.wordsOf} onChoose={replies.put} />
      <ReadyAnswers onChoose={put} />
      <AttachFile conversationId={conversation.id} />
    </Field>
  );
}

function NoteField({ leadId }: { leadId: string }) {
  const { t } = useTranslation();
  const act = useAct();
  const [text, setText] = useState('');
  const submit = async () => {
    const body = text.trim();
    if (body === '') return;
    const isKept = await act(['note', 'timeline'], () => unwrap(api.POST('/api/crm/notes', { body: { lead_id: leadId, body } })));
    if (isKept) setText('');
  };
  return <Field value={text} onChange={setText} onSubmit={() => void submit()} label={t('inbox.writeNote')} action={t('inbox.addNote')} testId="save-note" isNote />;
}

interface FieldProps {
  value: string;
  onChange: (text: string, caret: number) => void;
  onSubmit: () => void;
  /** Whether a key was meant for something else than the words. */
  onKey?: (event: KeyboardEvent) => boolean;
  onCaret?: (at: number) => void;
  field?: React.RefObject<HTMLTextAreaElement | null>;
  label: string;
  action: string;
  testId: string;
  isNote?: boolean;
  /** Attributes of the field that say what belongs to it. */
  mark?: Pick<ComponentProps<'textarea'>, 'aria-controls' | 'aria-activedescendant'>;
  children?: React.ReactNode;
}

/** At a desk, Enter sends and Shift+Enter begins a line; a phone's keyboard has Enter for lines. */
function Field({ value, onChange, onSubmit, onKey, onCaret, field, label, action, testId, isNote = false, mark, children }: FieldProps) {
  const pressed = (event: KeyboardEvent) => {
    if (onKey?.(event)) {
      event.preventDefault();
      return;
    }
    const isTouch = matchMedia('(pointer: coarse)').matches;
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || isTouch) return;
    event.preventDefault();
    onSubmit();
  };
  return (
    <div className={classes.field} data-note={isNote}>
      {children}
      <Textarea
        ref={field}
        className={classes.text}
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value, currentTarget.selectionStart)}
        onSelect={({ currentTarget }) => onCaret?.(currentTarget.selectionStart)}
        onKeyDown={pressed}
        rows={2}
        maxLength={4096}
        data-neutral={!/\p{L}/u.test(value)}
        data-testid="composer"
        {...(onKey ? { 'aria-autocomplete': 'list' as const } : {})}
        {...mark}
      />
      {isNote ? (
        <Button size="sm" data-testid={testId} onClick={onSubmit} disabled={value.trim() === ''}>
          {action}
        </Button>
      ) : (
        <ActionIcon size={44} variant="filled" data-testid={testId} aria-label={action} onClick={onSubmit} disabled={value.trim() === ''}>
          <Turned>
            <IconSend />
          </Turned>
        </ActionIcon>
      )}
    </div>
  );
}
