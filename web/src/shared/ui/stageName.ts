import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';

import type { Tone } from './Chip';

/** The stages every business begins with are stored as words; renamed ones are shown as they are. */
const GIVEN = ['new', 'contacted', 'qualified', 'won', 'lost'];

/** As `GIVEN`, of pipelines. */
const GIVEN_TO_DEALS = ['new', 'won', 'lost'];

/** How a stage looks, of leads as of deals. */
export const STAGE_TONES: Record<Schemas['StageKind'], Tone> = { open: 'accent', won: 'good', lost: 'quiet' };

/** The name of a stage in the language of the console. */
export function useStageName(): (name: string) => string {
  const { t } = useTranslation();
  return useCallback((name) => (GIVEN.includes(name) ? t(`stage.${name}`) : name), [t]);
}

/** As `useStageName`, of deals: in Hebrew they are of another gender than leads. */
export function useDealStageName(): (name: string) => string {
  const { t } = useTranslation();
  return useCallback((name) => (GIVEN_TO_DEALS.includes(name) ? t(`deals.stage.${name}`) : name), [t]);
}
