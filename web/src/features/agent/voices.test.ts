import { expect, it } from 'vitest';

import { VOICES, voiceChoices } from './voices';

const choices = (stored: string) => voiceChoices(stored, (voice) => `<${voice}>`);

it('offers every voice by what it sounds like', () => {
  expect(choices('alloy').map(({ value }) => value)).toEqual([...VOICES]);
  expect(choices('alloy')).toContainEqual({ value: 'alloy', label: '<alloy> · Alloy' });
});

it('a voice of which it does not know can stay', () => {
  expect(choices('voice_of_ours').at(-1)).toEqual({ value: 'voice_of_ours', label: 'voice_of_ours' });
  expect(choices('voice_of_ours')).toHaveLength(VOICES.length + 1);
});
