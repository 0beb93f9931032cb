// Measures what 50 linked sessions need: prints figures, and fails above the bar.

import { BUSINESS, World } from './support/world.js';

const SESSIONS = Number(process.env['SESSIONS'] ?? 50);
const BAR_MB = 250;

const world = await World.start();
const rss = async (): Promise<number> => {
  const { body } = await world.sidecar.send('GET', '/metrics', Buffer.alloc(0), {});
  const found = /prosaas_whatsapp_resident_bytes (\d+)/.exec(String(body['text']));
  return Number(found?.[1] ?? 0) / 1e6;
};
const figures: string[] = [`0 sessions: ${(await rss()).toFixed(0)} MB`];
const phones = Array.from({ length: SESSIONS }, (_, n) => String(15_550_200 + n));
for (const [n, phone] of phones.entries()) {
  await world.link(`${BUSINESS}_${n}`, phone);
  if ([1, 10, 25, SESSIONS].includes(n + 1)) figures.push(`${n + 1} linked: ${(await rss()).toFixed(0)} MB`);
}
for (const phone of phones) await world.peer.write('15550123', phone, { conversation: `to ${phone}` });
await world.backend.until(() => world.backend.messages().length === SESSIONS, 'a message of each', 60_000);
figures.push(`and a message each: ${(await rss()).toFixed(0)} MB`);
await world.sidecar.stop();
await world.sidecar.start();
await world.peer.ledger.until((entries) => entries.filter(({ kind }) => kind === 'login').length >= 2 * SESSIONS, 'all logins', 60_000);
const after = await rss();
figures.push(`restarted, ${SESSIONS} online: ${after.toFixed(0)} MB`);
process.stdout.write(figures.map((line) => `${line}\n`).join(''));
await world.stop();
if (after >= BAR_MB) {
  process.stderr.write(`${after.toFixed(0)} MB is not below ${BAR_MB} MB\n`);
  process.exit(1);
}
