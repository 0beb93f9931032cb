import { Button, Group, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '@/api/problem';

import { useErrorText, useFieldError } from './errors';
import classes from './Form.module.css';
import { Notice } from './Page';

/** The fields of a form, which may ask what the server said about one of them. */
export type Fields = ReactNode | ((fieldError: (name: string) => string | null) => ReactNode);

interface FormProps {
  action: string;
  danger?: boolean;
  wide?: boolean;
  canSubmit?: boolean;
  onSubmit: (form: FormData) => Promise<unknown>;
  onDone?: () => void;
  onCancel?: () => void;
  children: Fields;
  mark?: Record<`data-${string}`, string> | undefined;
}

/** A form that says what went wrong and where. */
export function Form({ action, danger = false, wide = false, canSubmit = true, onSubmit, onDone, onCancel, children, mark }: FormProps) {
  const { t } = useTranslation();
  const explain = useErrorText();
  const client = useQueryClient();
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
      // The message says that it was loaded again.
      if (caught instanceof ApiError && caught.status === 412) void client.invalidateQueries();
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate={false}>
      <Stack gap="sm">
        {typeof children === 'function' ? children(fieldError) : children}
        {error !== null && <Notice tone="bad">{explain(error)}</Notice>}
        <Group justify="flex-end" gap="xs" className={classes.foot}>
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
