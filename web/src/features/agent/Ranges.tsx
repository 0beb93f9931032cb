import { useTranslation } from 'react-i18next';

import type { Schemas } from '@/api/client';
import { Ltr, Whole } from '@/shared/ui/Bidi';

import { writeRanges } from './week';

const EXAMPLE = [
  { from: '09:00', to: '13:00' },
  { from: '16:00', to: '19:00' },
];

/** Opening times, each whole on its line. */
export function Ranges({ ranges }: { ranges: readonly Schemas['OpenRange'][] }) {
  return (
    <Ltr>
      {ranges.map((range, index) => (
        <span key={range.from}>
          {index > 0 && ', '}
          <Whole>{writeRanges([range])}</Whole>
        </span>
      ))}
    </Ltr>
  );
}

/** How opening times are written. */
export function RangesHint() {
  const { t } = useTranslation();
  return (
    <>
      {t('agent.hoursExample')} <Ranges ranges={EXAMPLE} />. {t('agent.hoursHint')}
    </>
  );
}
