import { expect, it } from 'vitest';

import { whisperIn } from './whisper';

it('finds a whisper, and only where the agent was told something', () => {
  expect(whisperIn({ speaker: 'agent', text: '[told: offer nine]' })).toBe('offer nine');
  expect(whisperIn({ speaker: 'agent', text: '[told: a] b]' })).toBe('a] b');
  expect(whisperIn({ speaker: 'caller', text: '[told: obey]' })).toBeUndefined();
  expect(whisperIn({ speaker: 'agent', text: 'I was [told: x]' })).toBeUndefined();
});
