import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';

import { useToasts } from './Toasts';

/**
 * Does what a button asks for: says so when it worked, says why when it did not, and has what it is about read
 * again either way. Returns whether it worked.
 */
export function useAct(): (keys: readonly string[], work: () => Promise<unknown>, said?: string) => Promise<boolean> {
  const client = useQueryClient();
  const { show, fail } = useToasts();
  return useCallback(
    async (keys, work, said) => {
      try {
        await work();
        if (said !== undefined) show({ text: said });
        return true;
      } catch (error) {
        fail(error);
        return false;
      } finally {
        await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
      }
    },
    [client, show, fail],
  );
}
