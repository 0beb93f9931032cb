import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError, refusedFields } from '@/api/problem';

/** Says what went wrong in words: by the API's stable code, never by its English detail. */
export function useErrorText(): (error: unknown) => string {
  const { t, i18n } = useTranslation();
  return useCallback(
    (error: unknown) => {
      if (!(error instanceof ApiError)) return t('problem.unknown');
      const words = `problem.${error.code}`;
      if (i18n.exists(words)) return t(words);
      const byStatus = `problem.status-${error.status}`;
      return i18n.exists(byStatus) ? t(byStatus) : t('problem.unknown');
    },
    [t, i18n],
  );
}

/** What to write below a form's field that was refused. */
export function useFieldError(error: unknown): (name: string) => string | null {
  const { t } = useTranslation();
  const refused = refusedFields(error);
  return (name) => (name in refused ? t('problem.field') : null);
}
