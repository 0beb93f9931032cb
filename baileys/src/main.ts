// The process: environment in, log lines out, an end within ten seconds of a signal.

import { ConfigError, parseConfig } from './config.js';
import { makeLog, messageOf } from './log.js';
import { Sidecar } from './sidecar.js';
import { silenceConsole } from './whatsapp/quiet.js';

const EXIT_WITHIN_MS = 9_000;

silenceConsole();
const log = makeLog((line) => process.stdout.write(line), Date.now);

// A promise that the library forgot must not take all sessions down; it is counted in the log.
process.on('unhandledRejection', (reason) => log.error('a promise was left alone', { error: messageOf(reason) }));

try {
  const sidecar = await Sidecar.start(parseConfig(process.env), log);
  log.info('listening', { port: sidecar.port });
  let ending = false;
  const end = (signal: string) => {
    if (ending) return;
    ending = true;
    log.info('ending', { signal });
    setTimeout(() => process.exit(1), EXIT_WITHIN_MS).unref();
    sidecar.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('the end failed', { error: messageOf(error) });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
} catch (error) {
  log.error(error instanceof ConfigError ? 'the configuration is wrong' : 'the sidecar did not start', { error: messageOf(error) });
  process.exit(1);
}
