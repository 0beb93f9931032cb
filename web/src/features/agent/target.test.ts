import { expect, it } from 'vitest';

import { readTarget } from './target';

it('whom to connect to is read with the number as people write it', () => {
  const form = new FormData();
  form.set('label', ' Office ');
  form.set('number', '050-123-4567');
  expect(readTarget(form)).toEqual({ label: 'Office', number: '+972501234567' });
});
