import type { Schemas } from '@/api/client';

export type Reply = Schemas['CannedReply'];

/** How many replies are offered at once: what is typed narrows them down. */
const MOST = 5;

/** What is typed behind a slash that begins a word, and where the slash stands; null where the caret is elsewhere. */
export function slashAt(text: string, caret: number): { from: number; typed: string } | null {
  const found = /(?:^|\s)\/([^\s/]{0,32})$/u.exec(text.slice(0, caret));
  if (!found) return null;
  const typed = found[1] ?? '';
  return { from: caret - typed.length - 1, typed };
}

/** The replies for what is typed: those whose shortcut begins so, then those that have it in the shortcut, then in the text. */
export function matching(replies: readonly Reply[], typed: string): Reply[] {
  const wanted = typed.toLowerCase();
  const rank = ({ shortcut, text }: Reply) => {
    const word = shortcut.toLowerCase();
    if (word.startsWith(wanted)) return 0;
    if (word.includes(wanted)) return 1;
    return text.toLowerCase().includes(wanted) ? 2 : 3;
  };
  return [0, 1, 2].flatMap((at) => replies.filter((reply) => rank(reply) === at)).slice(0, MOST);
}

/** A reply with its blanks filled. Whose name is not known is greeted without one, and not by a blank. */
export function filled(text: string, { name, business }: { name: string; business: string }): string {
  const values: Record<string, string> = { name: name.trim(), business: business.trim() };
  return text
    .replaceAll(/( ?)\{(name|business)\}/g, (_, space: string, blank: string) => {
      const value = values[blank] ?? '';
      return value === '' ? '' : space + value;
    })
    .trim();
}
