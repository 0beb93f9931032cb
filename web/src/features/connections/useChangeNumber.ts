import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { type Schemas, api, ifMatch, unwrap } from '@/api/client';
import { useBusinessId } from '@/shared/data/me';
import { useToasts } from '@/shared/ui/Toasts';

/** Changes a number of the business by what a form says, reads the numbers again in any case, and says that it is saved. */
export function useChangeNumber(number: Schemas['BusinessNumber'], read: (form: FormData) => Schemas['NumberPatch']) {
  const { t } = useTranslation();
  const id = useBusinessId();
  const client = useQueryClient();
  const toasts = useToasts();
  return async (form: FormData) => {
    const params = { path: { id, number: number.number }, header: ifMatch(number.version) };
    try {
      await unwrap(api.PATCH('/api/businesses/{id}/numbers/{number}', { params, body: read(form) }));
    } finally {
      await client.invalidateQueries({ queryKey: ['number'] });
    }
    toasts.show({ text: t('common.saved') });
  };
}
