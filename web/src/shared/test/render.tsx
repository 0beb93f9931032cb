import './browser';

import { MantineProvider } from '@mantine/core';
import { type QueryKey, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createInstance } from 'i18next';
import type { ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { I18nextProvider } from 'react-i18next';

import { ApiError } from '@/api/problem';
import { meQuery } from '@/shared/data/me';
import { en } from '@/shared/i18n/en';
import { ToastProvider } from '@/shared/ui/Toasts';

/** What the server has answered so far: a value, or the error of a question that failed. The rest is still asked. */
export type Answers = readonly (readonly [QueryKey, unknown])[];

/** An error that asking again may mend. */
export const AWAY = new ApiError({ code: 'status-503', status: 503, title: '', type: 'about:blank' });

/** A page of a list, as the cache holds it. */
export function listed(rows: readonly unknown[], hasMore = false) {
  return { pageParams: [undefined], pages: [{ data: rows, page: { has_more: hasMore, next: hasMore ? 'next' : null } }] };
}

/** What a part of a screen shows in English, to somebody with these rights, after these answers. */
export function shown(part: ReactNode, permissions: readonly string[], answers: Answers): string {
  const client = new QueryClient({ defaultOptions: { queries: { retryOnMount: false } } });
  client.setQueryData(meQuery.queryKey, { id: 'usr_1', permissions, businesses: [], working_in: 'ten_1' } as never);
  for (const [key, answer] of answers) {
    if (answer instanceof Error) client.getQueryCache().build(client, { queryKey: key }).setState({ status: 'error', error: answer });
    else client.setQueryData(key, answer);
  }
  const words = createInstance();
  void words.init({ lng: 'en', resources: { en: { translation: en } }, interpolation: { escapeValue: false }, initAsync: false });
  return renderToStaticMarkup(
    <I18nextProvider i18n={words}>
      <MantineProvider withCssVariables={false} withGlobalClasses={false}>
        <QueryClientProvider client={client}>
          <ToastProvider>{part}</ToastProvider>
        </QueryClientProvider>
      </MantineProvider>
    </I18nextProvider>,
  );
}
