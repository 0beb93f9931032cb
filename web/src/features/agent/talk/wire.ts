/** Something that was said. */
export interface Line {
  /** Its place in the conversation. */
  seq: number;
  speaker: 'agent' | 'caller';
  text: string;
}

/** What the server says beside the sound. */
export type Told = { clear: true } | { mark: string } | { line: Line } | { ended: string };

/** What a text message says; `undefined` for what this page does not know. */
export function readTold(text: string): Told | undefined {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof told !== 'object' || told === null) return undefined;
  return ['clear', 'mark', 'line', 'ended'].some((word) => word in told) ? (told as Told) : undefined;
}

/** The lines with another one, in the order of the conversation. */
export function withLine(lines: readonly Line[], line: Line): Line[] {
  return [...lines.filter(({ seq }) => seq !== line.seq), line].sort((a, b) => a.seq - b.seq);
}
