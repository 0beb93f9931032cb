import i18next, { type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';

/** A language of the console. */
export type ConsoleLanguage = 'he' | 'en';

const COOKIE = 'prosaas_language';

/** The language that `boot.js` found before the first paint. */
export function currentLanguage(): ConsoleLanguage {
  return document.documentElement.lang === 'en' ? 'en' : 'he';
}

/** Which way a language is written. */
export function directionOf(language: ConsoleLanguage): 'rtl' | 'ltr' {
  return language === 'he' ? 'rtl' : 'ltr';
}

async function texts(language: ConsoleLanguage) {
  return language === 'he' ? (await import('./he')).he : (await import('./en')).en;
}

/** Loads the texts of the current language, and of no other. */
export async function startTexts(): Promise<i18n> {
  const language = currentLanguage();
  const instance = i18next.use(initReactI18next);
  await instance.init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation: await texts(language) } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  return instance;
}

/** Switches language and direction, and remembers it for the next first paint. */
export async function switchLanguage(language: ConsoleLanguage): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await texts(language));
  }
  document.cookie = `${COOKIE}=${language}; Path=/; Max-Age=31536000; SameSite=Lax`;
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  await i18next.changeLanguage(language);
}
