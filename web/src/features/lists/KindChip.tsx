import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { Chip } from '@/shared/ui/Chip';
import { STAGE_TONES, useStageName } from '@/shared/ui/stageName';

/** What a stage means; nothing where its name says so already. */
export function KindChip({ stage }: { stage: Pick<Schemas['Stage'], 'name' | 'kind'> }) {
  const { t } = useTranslation();
  const stageName = useStageName();
  const meaning = t(`lists.kind.${stage.kind}`);
  return meaning === stageName(stage.name) ? null : <Chip tone={STAGE_TONES[stage.kind]}>{meaning}</Chip>;
}
