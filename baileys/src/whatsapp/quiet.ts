// The libraries log what must not be logged: keys of sessions, numbers of people. They are given nowhere to write.

import type { SocketConfig } from '@whiskeysockets/baileys';

type Logger = SocketConfig['logger'];

const nothing = () => undefined;

/** A logger that keeps nothing. */
export const SILENT_LOGGER: Logger = {
  level: 'silent',
  child: () => SILENT_LOGGER,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};

/** libsignal prints whole sessions, private keys among them, to the console: it is taken away. */
export function silenceConsole(): void {
  for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const) console[level] = nothing;
}
