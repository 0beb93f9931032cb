/** The voices of the realtime model, those first that its maker recommends. */
export const VOICES = ['marin', 'cedar', 'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse'] as const;

/** One of them. */
type Voice = (typeof VOICES)[number];

/** What can be chosen; a stored voice that is not known here stays what it is. */
export function voiceChoices(stored: string, describe: (voice: Voice) => string): { value: string; label: string }[] {
  // The words come first: an option is read in the direction of the page.
  const known = VOICES.map((voice) => ({ value: voice, label: `${describe(voice)} · ${voice.charAt(0).toUpperCase()}${voice.slice(1)}` }));
  return stored === '' || known.some(({ value }) => value === stored) ? known : [...known, { value: stored, label: stored }];
}
