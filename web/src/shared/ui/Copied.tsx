import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import classes from './Copied.module.css';
import { useToasts } from './Toasts';

/** A text for another program, and the button that copies it. */
export function Copied({ text }: { text: string }) {
  const { t } = useTranslation();
  const toasts = useToasts();
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setIsCopied(true);
    } catch {
      // A page without TLS has no clipboard, and a browser may refuse it: the text can be marked by hand.
      toasts.show({ text: t('connections.notCopied'), tone: 'bad' });
    }
  };
  return (
    <div className={classes.copied}>
      <code dir="ltr">{text}</code>
      <Button size="compact-md" variant="default" onClick={() => void copy()}>
        {t(isCopied ? 'connections.copied' : 'connections.copy')}
      </Button>
    </div>
  );
}
