import type { Schemas } from '@/api/client';

const TOLD = /^\[told: (.*)\]$/su;

/** What somebody of the business told the agent unheard, where a line of a transcript is that. */
export function whisperIn({ speaker, text }: Pick<Schemas['TranscriptLine'], 'speaker' | 'text'>): string | undefined {
  return speaker === 'agent' ? TOLD.exec(text)?.[1] : undefined;
}
