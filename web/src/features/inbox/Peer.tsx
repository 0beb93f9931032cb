import { useTranslation } from 'react-i18next';

import type { Conversation } from '@/shared/data/chat';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';

import { numberOf } from './thread';

/** What the other side is called: its name, else its number, also one that is known from elsewhere. */
export function PeerName({ conversation, known }: { conversation: Conversation; known?: string | null | undefined }) {
  const { t } = useTranslation();
  const number = numberOf(conversation.peer) ?? known;
  if (conversation.peer_name) return <Own>{conversation.peer_name}</Own>;
  return number ? <Phone number={number} /> : <>{t('inbox.unnamed')}</>;
}

/** Who answers, in a word. */
export function WhoAnswers({ conversation }: { conversation: Conversation }) {
  const { t } = useTranslation();
  if (conversation.status === 'closed') return <Chip>{t('inbox.closed')}</Chip>;
  if (!conversation.agent_paused) return <Chip tone="accent">{t('inbox.agentHas')}</Chip>;
  const why = conversation.paused_reason ?? 'person';
  const asksForSomebody = why === 'asked' || why === 'failed' || why === 'limit';
  return <Chip tone={asksForSomebody && conversation.status === 'open' ? 'warn' : 'quiet'}>{t(`inbox.why.${why}`)}</Chip>;
}
