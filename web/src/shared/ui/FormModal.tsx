import { Button, Group, Modal, Stack } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useErrorText, useFieldError } from './errors';
import { Notice } from './Page';

interface Props {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** The word on the button; "save" when not said. */
  action?: string;
  danger?: boolean;
  /** Does it; what it throws is shown, and the window stays open. */
  onSubmit: (form: FormData) => Promise<unknown>;
  children: ReactNode | ((fieldError: (name: string) => string | null) => ReactNode);
  /** Whether it can be done yet; it can when not said. */
  canSubmit?: boolean;
  /** For the button that confirms. */
  mark?: Record<`data-${string}`, string>;
}

/** A form in a window of its own. */
export function FormModal({ title, opened, onClose, action, danger = false, canSubmit = true, onSubmit, children, mark }: Props) {
  const { t } = useTranslation();
  // A window that is made open does not know by itself where the focus was.
  const [opener] = useState(() => (opened ? document.activeElement : null));
  const giveBack = () => {
    if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
  };
  return (
    <Modal opened={opened} onClose={onClose} onExitTransitionEnd={giveBack} title={title} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
      <Form action={action ?? t('common.save')} danger={danger} canSubmit={canSubmit} onSubmit={onSubmit} onDone={onClose} onCancel={onClose} mark={mark}>
        {children}
      </Form>
    </Modal>
  );
}

interface FormProps {
  action: string;
  danger?: boolean;
  wide?: boolean;
  canSubmit?: boolean;
  onSubmit: (form: FormData) => Promise<unknown>;
  onDone?: () => void;
  onCancel?: () => void;
  children: Props['children'];
  mark?: Record<`data-${string}`, string> | undefined;
}

/** A form that says what went wrong and where. */
export function Form({ action, danger = false, wide = false, canSubmit = true, onSubmit, onDone, onCancel, children, mark }: FormProps) {
  const { t } = useTranslation();
  const explain = useErrorText();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const fieldError = useFieldError(error);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    event.stopPropagation();
    setBusy(true);
    setError(null);
    try {
      await onSubmit(new FormData(event.currentTarget));
      onDone?.();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate={false}>
      <Stack gap="sm">
        {typeof children === 'function' ? children(fieldError) : children}
        {error !== null && <Notice tone="bad">{explain(error)}</Notice>}
        <Group justify="flex-end" gap="xs">
          {onCancel && (
            <Button variant="default" onClick={onCancel}>
              {t('common.cancel')}
            </Button>
          )}
          <Button type="submit" loading={busy} disabled={!canSubmit} fullWidth={wide} {...(danger ? { color: 'red' } : {})} {...mark}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** A form's text, trimmed; nothing when it is empty. */
export function textOf(form: FormData, name: string): string | null {
  const value = form.get(name);
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text;
}
