import { expect, it } from 'vitest';

import { barOf, screensFor } from './screens';

it('whoever works in no business still reaches his own account', () => {
  expect(screensFor({ permissions: [], system_admin: false }).map((screen) => screen.to)).toEqual(['/profile']);
});

it('a viewer is offered no screen he cannot open', () => {
  const viewer = screensFor({ permissions: ['leads:read', 'tasks:read', 'deals:read', 'calls:read', 'business:read'], system_admin: false }).map((screen) => screen.to);
  expect(viewer).toContain('/leads');
  expect(viewer).not.toContain('/users');
  expect(viewer).not.toContain('/payments');
  expect(viewer).not.toContain('/audit');
});

it('the whole installation is for its administrators alone', () => {
  const screens = (system_admin: boolean) => screensFor({ permissions: [], system_admin }).map((screen) => screen.to);
  expect(screens(true)).toContain('/system');
  expect(screens(false)).not.toContain('/system');
});

it('the bar of a phone holds the screens of every day, and is not empty where somebody has none', () => {
  const bar = (permissions: string[], system_admin = false) => barOf(screensFor({ permissions, system_admin })).map((screen) => screen.to);
  expect(bar(['leads:read', 'calls:read', 'deals:read'], true)).toEqual(['/leads', '/calls']);
  expect(bar([], true)).toEqual(['/system', '/profile']);
});
