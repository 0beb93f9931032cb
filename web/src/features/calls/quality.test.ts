import { expect, it } from 'vitest';

import { en } from '@/shared/i18n/en';

import { seconds } from './Quality';

it('lengths are seconds with one digit', () => {
  expect([0, 900, 2_549, 61_000].map(seconds)).toEqual(['0.0', '0.9', '2.5', '61.0']);
});

it('every reason that the server gives has words', () => {
  const reasons = ['late_first_word', 'never_spoke', 'model_lost', 'dead_air', 'slow_answers', 'overlap', 'cut_words', 'broken_voice', 'broken_line', 'wrong_language'];
  expect(Object.keys(en.calls.quality.reason)).toEqual(reasons);
});
