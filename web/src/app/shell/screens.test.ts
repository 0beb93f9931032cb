import { expect, it } from 'vitest';

import { screensFor } from './screens';

it('whoever works in no business still reaches his own account', () => {
  expect(screensFor([]).map((screen) => screen.to)).toEqual(['/profile']);
});

it('a viewer is offered no screen he cannot open', () => {
  const viewer = screensFor(['leads:read', 'tasks:read', 'deals:read', 'calls:read', 'business:read']).map((screen) => screen.to);
  expect(viewer).toContain('/leads');
  expect(viewer).not.toContain('/users');
  expect(viewer).not.toContain('/payments');
  expect(viewer).not.toContain('/audit');
});
