// Before the first paint: language, direction and colours, so that nothing flips once the console has loaded.
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
})();
