// How a person would send: pauses, typing, and not too much at once. Pure: the clock and the dice are parameters.

/** Pause between two messages of a session, milliseconds, a value between the two by chance. */
const GAP_MS = [1_000, 3_000] as const;
/** Pause between two messages to the same chat. */
const CHAT_GAP_MS = 1_500;
/** Messages of a session in a minute. */
const PER_MINUTE = 20;
const MINUTE_MS = 60_000;
/** Typing takes so long per character, and not longer than the cap. */
const TYPING_MS_PER_CHARACTER = 45;
const TYPING_MS = [600, 6_000] as const;

/** What was sent lately. */
export interface Sent {
  readonly chat: string;
  readonly at: number;
}

/** The moment from which the next message to `chat` may go out. `random` is from 0 to 1. */
export function nextSendAt(sent: readonly Sent[], chat: string, now: number, random: number): number {
  const last = sent.at(-1);
  const lastToChat = sent.findLast((one) => one.chat === chat);
  // A minute has room again when the twentieth last leaves it.
  const leaving = sent.at(-PER_MINUTE);
  return Math.max(
    now,
    last ? last.at + between(GAP_MS, random) : 0,
    lastToChat ? lastToChat.at + CHAT_GAP_MS : 0,
    leaving ? leaving.at + MINUTE_MS : 0,
  );
}

/** What has to be remembered of the past. */
export function recent(sent: readonly Sent[], now: number): readonly Sent[] {
  return sent.filter((one) => now - one.at < MINUTE_MS);
}

/** For how long "typing" is shown before a text of so many characters. */
export function typingMs(characters: number): number {
  return Math.min(TYPING_MS[1], Math.max(TYPING_MS[0], characters * TYPING_MS_PER_CHARACTER));
}

function between([low, high]: readonly [number, number], random: number): number {
  return low + (high - low) * random;
}
