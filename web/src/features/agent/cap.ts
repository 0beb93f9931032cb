import type { Schemas } from '@/api/client';
import { readAmount } from '@/shared/format/money';

type Month = Schemas['MonthSpending'];

/** A cent, in millionths of a US dollar. */
const CENT = 10_000;

/** What somebody typed as a budget in dollars, in millionths of one: `null` for no end, `undefined` when it is no amount. */
export function readCap(text: string | null): number | null | undefined {
  if (text === null) return null;
  const cents = readAmount(text);
  return cents === null ? undefined : cents * CENT;
}

/** A budget as it is typed. */
export function writeCap(cap: number | null | undefined): string {
  return typeof cap === 'number' ? (cap / (100 * CENT)).toFixed(2) : '';
}

/** How much of a budget is spent, in percent; a budget of nothing is spent. */
export function percentOf(spent: number, cap: number): number {
  return cap === 0 ? 100 : Math.min(100, (spent / cap) * 100);
}

/** What a month's budget was spent on, by the names of the texts. */
export function kinds(month: Month) {
  return [
    ['calls', month.calls_micro_usd],
    ['summaries', month.summaries_micro_usd],
    ['chats', month.chats_micro_usd],
    ['voiceNotes', month.voice_notes_micro_usd],
    ['talks', month.talks_micro_usd],
  ] as const;
}
