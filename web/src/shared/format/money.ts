import type { Schemas } from '@/api/client';

/** The currencies of the API. */
export const CURRENCIES: readonly Schemas['Currency'][] = ['ILS', 'USD', 'EUR', 'GBP'];

/** An amount with its currency's sign before it, in every language; the API counts in agorot and cents. To be shown from left to right. */
export function showMoney(money: Schemas['Money']): string {
  const whole = money.amount % 100 === 0;
  return new Intl.NumberFormat('en-IL', {
    style: 'currency',
    currency: money.currency,
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: whole ? 0 : 2,
    maximumFractionDigits: 2,
  }).format(money.amount / 100);
}

/** The sign of a currency, such as ₪. */
export function signOf(currency: Schemas['Currency']): string {
  const parts = new Intl.NumberFormat('en-IL', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(0);
  return parts.find(({ type }) => type === 'currency')?.value ?? currency;
}

/** What somebody typed as an amount, in agorot or cents; nothing when it is none. */
export function readAmount(text: string): number | null {
  const plain = text.replace(/[,\s]/g, '');
  if (!/^\d{1,10}(\.\d{1,2})?$/.test(plain)) return null;
  return Math.round(Number(plain) * 100);
}

/** Sums by currency: amounts of different ones are never added up. */
export function sums(values: readonly Schemas['Money'][]): Schemas['Money'][] {
  const totals = new Map<Schemas['Currency'], number>();
  for (const { amount, currency } of values) {
    totals.set(currency, (totals.get(currency) ?? 0) + amount);
  }
  return [...totals].map(([currency, amount]) => ({ amount, currency }));
}

/** A cent in millionths of a US dollar. */
export const CENT_MICRO_USD = 10_000;

/** Whether a cost is something, and yet would be written as nothing. */
export function isUnderACent(microUsd: number): boolean {
  return microUsd > 0 && microUsd < CENT_MICRO_USD;
}

/** What a call cost, given in millionths of a US dollar, in whole cents. */
export function showCost(microUsd: number): string {
  return `$${(microUsd / 1_000_000).toFixed(2)}`;
}
