import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

/** The stages every business begins with are stored as words; renamed ones are shown as they are. */
const GIVEN = ['new', 'contacted', 'qualified', 'won', 'lost'];

/** The name of a stage in the language of the console. */
export function useStageName(): (name: string) => string {
  const { t } = useTranslation();
  return useCallback((name) => (GIVEN.includes(name) ? t(`stage.${name}`) : name), [t]);
}
