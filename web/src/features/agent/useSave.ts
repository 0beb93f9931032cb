import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { ApiError } from '@/api/problem';
import { useToasts } from '@/shared/ui/Toasts';

type Settings = Schemas['BusinessSettings'];

/** Saves a section of the settings and says so. */
export function useSave({ id }: Settings): (work: () => Promise<Settings>) => Promise<void> {
  const { t } = useTranslation();
  const client = useQueryClient();
  const toasts = useToasts();
  const queryKey = ['business', id];
  return async (work) => {
    try {
      client.setQueryData(queryKey, await work());
      toasts.show({ text: t('common.saved') });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) throw error;
      // The section is made anew when it is what somebody changed: its form could not say so any more.
      toasts.fail(error);
      await client.invalidateQueries({ queryKey, exact: true });
    }
  };
}
