// Shows what the server tells of calls, also while no console is open, and opens the call when it is tapped. It answers no
// request of the pages and keeps nothing: whoever signs out leaves nothing in it.
'use strict';

self.addEventListener('install', (event) => event.waitUntil(self.skipWaiting()));

self.addEventListener('push', (event) => {
  let told = {};
  try {
    told = event.data?.json() ?? {};
  } catch {
    // What cannot be read is still a call: a browser that shows nothing is asked to stop pushing.
  }
  const lang = told.lang === 'en' ? 'en' : 'he';
  const shown = self.registration.showNotification(told.title || 'ProSaaS', {
    body: told.body || '',
    lang,
    dir: lang === 'he' ? 'rtl' : 'ltr',
    // Two messages about one call are one notification.
    tag: told.tag || 'call',
    icon: '/icon-192.png',
    badge: '/badge-96.png',
    data: { path: told.url },
  });
  event.waitUntil(shown);
});

// A screen of the console's own, and nothing else: where it is unclear, the board of those who wait.
function screenOf(path) {
  const screen = new URL(typeof path === 'string' ? path : '/', self.location.origin);
  return screen.origin === self.location.origin ? screen.href : `${self.location.origin}/`;
}

async function openScreen(path) {
  const screen = screenOf(path);
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const [tab] = tabs;
  if (tab === undefined) return self.clients.openWindow(screen);
  await tab.focus();
  // Only a tab that this worker controls lets itself be led; another one is told.
  return tab.navigate(screen).catch(() => tab.postMessage({ open: screen }));
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openScreen(event.notification.data?.path));
});
