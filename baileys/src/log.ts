// Log lines as JSON on standard output: what happened, to which business. Never a person's id, a text, a code or a key.

type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  info(what: string, fields?: Fields): void;
  warn(what: string, fields?: Fields): void;
  error(what: string, fields?: Fields): void;
}

/** Writes lines with the time in front. */
export function makeLog(write: (line: string) => void, now: () => number): Log {
  const line = (level: string) => (what: string, fields: Fields = {}) =>
    write(JSON.stringify({ at: new Date(now()).toISOString(), level, what, ...fields }) + '\n');
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
