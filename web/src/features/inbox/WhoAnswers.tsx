import { useTranslation } from 'react-i18next';

import type { Conversation } from '@/shared/data/chat';
import { Chip } from '@/shared/ui/Chip';

/** Who answers, in a word. */
export function WhoAnswers({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  if (conversation.status === 'closed') return <Chip>{t('inbox.closed')}</Chip>;
  if (!conversation.agent_paused) return <Chip tone="accent">{t('inbox.agentHas')}</Chip>;
  const why = conversation.paused_reason ?? 'person';
  const asksForSomebody = why === 'asked' || why === 'failed' || why === 'limit';
  return <Chip tone={asksForSomebody && conversation.status === 'open' ? 'warn' : 'quiet'}>{t(`inbox.why.${why}`)}</Chip>;
}
