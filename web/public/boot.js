// Before the first paint: language, direction and colours, so that nothing flips once the console has loaded. And what
// the screen needs is asked for now, all at once: each round to the server that waits for the one before costs a phone
// a sixth of a second.
(() => {
  const root = document.documentElement;
  const cookie = /(?:^|; )prosaas_language=(he|en)/.exec(document.cookie);
  const language = cookie ? cookie[1] : 'he';
  root.lang = language;
  root.dir = language === 'he' ? 'rtl' : 'ltr';
  let scheme = null;
  try {
    scheme = localStorage.getItem('prosaas-color-scheme');
  } catch {
    // A browser that keeps nothing follows the system.
  }
  const dark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');

  // The files of the screen and of the language; the build writes their names above.
  const { screens = {}, languages = {} } = globalThis.prosaasFiles ?? {};
  const [, first = '', second] = location.pathname.split('/');
  const screen = screens[location.pathname] ?? screens[second === undefined ? `/${first}` : `/${first}/$id`] ?? [];
  for (const file of [...screen, ...(languages[language] ?? [])]) {
    const link = document.createElement('link');
    if (file.endsWith('.css')) {
      link.rel = 'preload';
      link.as = 'style';
    } else {
      link.rel = 'modulepreload';
    }
    link.crossOrigin = '';
    link.href = file;
    document.head.append(link);
  }

  // What the screens that a day begins with ask for first, word for word as they do: src/api/early.ts hands it to them.
  const isWide = matchMedia('(min-width: 48em)').matches;
  const firsts = {
    '/': ['/api/calls/waiting?limit=20', '/api/conversations?status=open&limit=20'],
    '/leads': [`/api/crm/leads?limit=${isWide ? 100 : 20}`, '/api/crm/stages'],
    '/inbox': ['/api/conversations?limit=50'],
  };
  const early = new Map();
  for (const path of ['/api/auth/me', ...(location.search === '' ? firsts[location.pathname] ?? [] : [])]) {
    const asked = { answer: fetch(path, { headers: { 'x-prosaas-request': '1', 'accept-language': language } }), at: null };
    const came = () => {
      asked.at = performance.now();
    };
    asked.answer.then(came, came);
    early.set(path, asked);
  }
  globalThis.prosaasEarly = early;

  // The first date that is written out has the browser read the language's words for it. It does so now, while the
  // files are on their way, and not between them and the first paint.
  setTimeout(() => new Intl.DateTimeFormat(language === 'he' ? 'he-IL' : 'en-GB', { weekday: 'long', day: 'numeric', month: 'long' }).format());
})();
