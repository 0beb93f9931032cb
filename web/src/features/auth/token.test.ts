import { expect, it } from 'vitest';

import { tokenOf } from './token';

it('reads the token of a link', () => {
  expect(tokenOf('#token=abc_-1')).toBe('abc_-1');
});

it('is not there in any other address', () => {
  for (const hash of ['', '#', '#tok=1', `#token=${'x'.repeat(101)}`]) {
    expect(tokenOf(hash)).toBeNull();
  }
});
