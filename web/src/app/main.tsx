import './styles';

import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { DirectionProvider, MantineProvider, createTheme, localStorageColorSchemeManager } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { ApiError, isSignedOut } from '@/api/problem';
import { meQuery } from '@/shared/data/me';
import { startTexts } from '@/shared/i18n';
import { ToastProvider } from '@/shared/ui/Toasts';

import { Session } from './Session';
import { loadEarly, makeRouter } from './router';

const theme = createTheme({
  primaryColor: 'cyan',
  defaultRadius: 'md',
  cursorType: 'pointer',
  // Nothing slides or fades for those who asked their device for less of it.
  respectReducedMotion: true,
  components: {
    // Mantine would lock scrolling with a <style> element, which the policy refuses; theme.css does it.
    Modal: { defaultProps: { lockScroll: false } },
    Button: { defaultProps: { size: 'md' } },
    SegmentedControl: { defaultProps: { size: 'sm', withItemsBorders: false } },
    TextInput: { defaultProps: { size: 'md' } },
    PasswordInput: { defaultProps: { size: 'md' } },
    NativeSelect: { defaultProps: { size: 'md' } },
    Textarea: { defaultProps: { size: 'md' } },
  },
});

const colors = localStorageColorSchemeManager({ key: 'prosaas-color-scheme' });

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      // The session has ended somewhere else: whoever is asked for says so, and the router goes to the sign-in.
      if (isSignedOut(error) && query.queryKey[0] !== 'me') {
        void client.invalidateQueries({ queryKey: ['me'] });
      }
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});

const router = makeRouter(client);

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

// All at once: the texts, the screen's file, and who is signed in. Each alone is a round to the server. What is drawn
// first is the screen: drawing its frame before it costs a cheap phone a quarter of a second.
loadEarly(location.pathname);
void client.prefetchQuery(meQuery);
await Promise.all([startTexts(), router.load()]);
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <DirectionProvider initialDirection={document.documentElement.dir === 'ltr' ? 'ltr' : 'rtl'} detectDirection>
        <MantineProvider theme={theme} colorSchemeManager={colors} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
          <QueryClientProvider client={client}>
            <Session client={client}>
              <ToastProvider>
                <RouterProvider router={router} />
              </ToastProvider>
            </Session>
          </QueryClientProvider>
        </MantineProvider>
      </DirectionProvider>
    </StrictMode>,
  );
}
