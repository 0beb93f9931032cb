import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import classes from './Copied.module.css';

/** A text for another program, and the button that copies it. */
export function Copied({ text }: { text: string }) {
  const { t } = useTranslation();
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
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
