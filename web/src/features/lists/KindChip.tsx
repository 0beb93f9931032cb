import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { Chip } from '@/shared/ui/Chip';
import { STAGE_TONES } from '@/shared/ui/stageName';

/** What a stage means; nothing where the name that is shown says so already. */
export function KindChip({ kind, name }: { kind: Schemas['StageKind']; name: string }) {
  const { t } = useTranslation();
  const meaning = t(`lists.kind.${kind}`);
  return meaning === name ? null : <Chip tone={STAGE_TONES[kind]}>{meaning}</Chip>;
}
