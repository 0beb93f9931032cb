import { Button, CloseButton } from '@mantine/core';
import { type ReactNode, createContext, use, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useErrorText } from './errors';
import classes from './Toasts.module.css';

interface Toast {
  text: string;
  tone?: 'plain' | 'bad';
  /** A button, such as the one that takes it back. */
  action?: { label: string; run: () => void };
  /** How long it stays, in milliseconds. */
  stays?: number;
  mark?: Record<`data-${string}`, string>;
}

interface Toasts {
  show: (toast: Toast) => void;
  /** Says in words why something did not work. */
  fail: (error: unknown) => void;
}

const Context = createContext<Toasts | null>(null);

/** How long something can be taken back by its toast. */
export const UNDO_MS = 8_000;
const STAYS_MS = 5_000;
/** How many stand there that only say something; what can be taken back stays until its time is over. */
const MOST = 4;

/** Leaves out the oldest of too many, but none that offers something. */
export function withinReason<T extends Pick<Toast, 'action'>>(toasts: readonly T[]): T[] {
  let over = toasts.length - MOST;
  return toasts.filter((toast, index) => {
    // The newest is what is being said now.
    const leaves = over > 0 && !toast.action && index < toasts.length - 1;
    if (leaves) over -= 1;
    return !leaves;
  });
}

/** Where toasts are shown. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<(Toast & { id: number })[]>([]);
  const last = useRef(0);
  const explain = useErrorText();
  const show = useCallback((toast: Toast) => {
    last.current += 1;
    const entry = { ...toast, id: last.current };
    setShown((before) => withinReason([...before, entry]));
  }, []);
  const fail = useCallback((error: unknown) => show({ text: explain(error), tone: 'bad' }), [show, explain]);
  const toasts = useMemo(() => ({ show, fail }), [show, fail]);
  const close = useCallback((id: number) => setShown((before) => before.filter((toast) => toast.id !== id)), []);
  return (
    <Context value={toasts}>
      {children}
      <div className={classes.place} aria-live="polite">
        {shown.map((toast) => (
          <Line key={toast.id} toast={toast} close={() => close(toast.id)} />
        ))}
      </div>
    </Context>
  );
}

function Line({ toast, close }: { toast: Toast; close: () => void }) {
  const { t } = useTranslation();
  const closing = useRef(close);
  useEffect(() => {
    closing.current = close;
  });
  useEffect(() => {
    const timer = setTimeout(() => closing.current(), toast.stays ?? STAYS_MS);
    return () => clearTimeout(timer);
  }, [toast.stays]);
  const act = () => {
    close();
    toast.action?.run();
  };
  return (
    <div className={classes.toast} data-tone={toast.tone} role={toast.tone === 'bad' ? 'alert' : 'status'} {...toast.mark}>
      <span className={classes.text}>{toast.text}</span>
      {toast.action && (
        <Button size="compact-md" variant="white" onClick={act}>
          {toast.action.label}
        </Button>
      )}
      <CloseButton variant="transparent" c="inherit" aria-label={t('common.close')} onClick={close} />
    </div>
  );
}

/** Toasts, from anywhere below the provider. */
export function useToasts(): Toasts {
  const toasts = use(Context);
  if (!toasts) throw new Error('there is no ToastProvider above');
  return toasts;
}
