import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { api, unwrap } from '@/api/client';
import { duration } from '@/shared/format/when';
import { Ltr } from '@/shared/ui/Bidi';
import { PromiseLine } from '@/shared/ui/PromiseLine';
import { Answered, Section } from '@/shared/ui/Page';
import { IconPlay } from '@/shared/ui/icons';

/** What was promised in a call, each with the second at which it was. */
export function Promises({ callId, seek }: { callId: string; seek: (ms: number) => void }) {
  const { t } = useTranslation();
  const promises = useQuery({
    queryKey: ['promise', 'of', callId],
    queryFn: () => unwrap(api.GET('/api/crm/promises', { params: { query: { call_id: callId, limit: 100 } } })),
  });
  if (promises.data?.data.length === 0) return null;
  return (
    <Section title={t('promises.title')}>
      <Answered query={promises}>
        {() =>
          promises.data?.data.map((promise) => (
            <PromiseLine key={promise.id} promise={promise}>
              <Button
                size="compact-md"
                variant="default"
                leftSection={<IconPlay size={14} />}
                aria-label={t('calls.listenFrom', { at: duration(promise.said_at_ms) })}
                onClick={() => seek(promise.said_at_ms)}
              >
                <Ltr>{duration(promise.said_at_ms)}</Ltr>
              </Button>
            </PromiseLine>
          ))
        }
      </Answered>
    </Section>
  );
}
