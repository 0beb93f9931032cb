import { TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { momentInWords } from '@/shared/format/when';

interface Props {
  name: string;
  /** A day alone, or a day and a time. */
  type: 'date' | 'datetime-local';
  label: ReactNode;
  /** As the field holds it, such as `2026-11-29` or `2026-11-29T14:00`. */
  defaultValue?: string;
  error?: ReactNode;
  required?: boolean;
  'data-autofocus'?: boolean;
}

/**
 * A day or a moment. The field is the browser's own, which phones know best, and which is written in the browser's
 * language, not in the console's: there, 11/12 may be in November or in December. So it is said in words below.
 */
export function MomentField({ defaultValue = '', ...props }: Props) {
  const { i18n } = useTranslation();
  const [value, setValue] = useState(defaultValue);
  return (
    <TextInput
      {...props}
      defaultValue={defaultValue}
      onChange={(event) => setValue(event.currentTarget.value)}
      description={momentInWords(value, i18n.language)}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
    />
  );
}
