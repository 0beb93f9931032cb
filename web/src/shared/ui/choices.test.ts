import { expect, it } from 'vitest';

import { withChosen } from './choices';

const NOBODY = { value: '', label: 'nobody' };
const DANA = { value: 'usr_dana', label: 'Dana' };

it('a field whose list has not come shows that it holds something, not the first choice', () => {
  expect(withChosen([NOBODY], 'usr_dana')).toEqual([NOBODY, { value: 'usr_dana', label: '…' }]);
  expect(withChosen([NOBODY, DANA], 'usr_dana')).toEqual([NOBODY, DANA]);
  expect(withChosen([NOBODY, DANA], null)).toEqual([NOBODY, DANA]);
  expect(withChosen([NOBODY, DANA], undefined)).toEqual([NOBODY, DANA]);
});
