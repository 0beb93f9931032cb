import { expect, it } from 'vitest';

import { isUnderACent, readAmount, showCost, showMoney, sums } from './money';

it('reads what people type', () => {
  expect(['450', '1,250.5', '0.07'].map(readAmount)).toEqual([45_000, 125_050, 7]);
  expect(['', '-1', '1.234', 'abc', '1e5'].map(readAmount)).toEqual([null, null, null, null, null]);
});

it('shows whole amounts without a fraction', () => {
  expect(showMoney({ amount: 450_000, currency: 'ILS' })).toBe('₪4,500');
  expect(showMoney({ amount: 45_050, currency: 'USD' })).toBe('$450.50');
});

it('never adds up different currencies', () => {
  const total = sums([
    { amount: 100, currency: 'ILS' },
    { amount: 5, currency: 'USD' },
    { amount: 50, currency: 'ILS' },
  ]);
  expect(total).toEqual([
    { amount: 150, currency: 'ILS' },
    { amount: 5, currency: 'USD' },
  ]);
});

it('shows costs in cents, and knows what is below one', () => {
  expect([0, 10_000, 12_300, 30_000, 2_500_000].map(showCost)).toEqual(['$0.00', '$0.01', '$0.01', '$0.03', '$2.50']);
  expect([0, 1, 9_999, 10_000].map(isUnderACent)).toEqual([false, true, true, false]);
});
