// The sidecar is killed again and again under traffic. The peer's ledger and the backend's own list are the judges.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { randomInt } from 'node:crypto';

import { BUSINESS, PHONE, World } from '../support/world.js';

const KILLS = Number(process.env['KILLS'] ?? 6);
const CUSTOMERS = ['15550121', '15550122', '15550123'];
/** Messages each way between two kills. */
const PER_ROUND = 6;

let world: World;
before(async () => {
  world = await World.start();
  await world.link();
});
after(() => world.stop());

/** Hands a message over, however often the sidecar dies meanwhile. */
async function submit(messageId: string, customer: string): Promise<string> {
  for (;;) {
    const generation = world.sidecar.pid;
    try {
      const { status, body } = await world.sidecar.request('POST', `/v1/sessions/${BUSINESS}/messages`, {
        message_id: messageId,
        chat: `8${customer}@lid`,
        content: { type: 'text', text: messageId },
      });
      if (status === 200 || status === 202) return String(body['wa_id']);
      throw new Error(`message ${messageId} was answered with ${status}: ${JSON.stringify(body)}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // The process died: the next one is asked.
      await running(generation);
    }
  }
}

const waiting: (() => void)[] = [];
function running(not: number): Promise<void> {
  return world.sidecar.pid !== not && world.sidecar.pid !== 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
}

/** Ids that were written and not taken, or shown wrongly: where to look when this test fails. */
function missing(): object {
  const { ledger } = world.peer;
  const taken = new Set(ledger.of('taken').map(({ id }) => id));
  const shown = new Set(ledger.of('from_business').map(({ id }) => id));
  const untaken = ledger.of('to_business').filter(({ id }) => !taken.has(id));
  const unread = ledger.of('unreadable').filter(({ id }) => !shown.has(id));
  return { untaken, unread, refused: ledger.of('refused'), log: world.sidecar.lines.slice(-5) };
}

it(`loses nothing and doubles nothing in ${KILLS} kills`, async () => {
  const { ledger } = world.peer;
  for (const customer of CUSTOMERS) await world.peer.write(customer, PHONE, { conversation: 'hello' });
  await world.backend.until(() => world.backend.messages().length === CUSTOMERS.length, 'the greetings');

  const sent: Promise<string>[] = [];
  for (let kill = 1; kill <= KILLS; kill += 1) {
    for (let n = 0; n < PER_ROUND; n += 1) {
      const customer = CUSTOMERS[randomInt(CUSTOMERS.length)] ?? '';
      sent.push(submit(`msg_${kill}_${n}`, customer));
      await world.peer.write(customer, PHONE, { conversation: `to the business ${kill} ${n}` });
    }
    // Half of what is under way happens between two kills, by and large: it never runs dry and never piles up.
    const happened = () => ledger.of('taken').length + ledger.of('from_business').length;
    const before = happened();
    const underWay = ledger.of('to_business').length + sent.length - before;
    const goal = before + randomInt(0, Math.max(1, underWay));
    await ledger.until(() => happened() >= goal, `${goal} happenings`, 20_000).catch((error: Error) => {
      throw new Error(`${error.message}; missing: ${JSON.stringify(missing())}`);
    });
    await world.sidecar.kill();
    await world.sidecar.start();
    for (const wake of waiting.splice(0)) wake();
  }

  const waIds = await Promise.all(sent);
  const written = ledger.of('to_business').map(({ id }) => id);
  await world.backend.until(() => world.backend.messages().length >= written.length, `${written.length} messages`, 60_000);
  await ledger.until((entries) => entries.filter(({ kind }) => kind === 'from_business').length >= waIds.length, `${waIds.length} answers`, 60_000);
  await ledger.until((entries) => entries.filter(({ kind }) => kind === 'taken').length >= written.length, 'all receipts', 60_000);

  const got = world.backend.messages().map(({ wa_id, content }) => ({ id: wa_id, type: content.type }));
  assert.deepEqual(got.map(({ id }) => id).sort(), [...written].sort(), 'each message of a customer is at the backend exactly once');
  assert.deepEqual(got.filter(({ type }) => type !== 'text'), [], 'and readable');
  const shown = ledger.of('from_business').map(({ id }) => id ?? '');
  assert.deepEqual(shown.sort(), [...waIds].sort(), 'each answer is on a phone exactly once');
  const repeats = ledger.of('repeated').length;
  const unreadable = ledger.of('unreadable').length;
  const refused = ledger.of('refused').length;
  process.stdout.write(`${KILLS} kills: ${written.length} in, ${waIds.length} out, 0 lost, 0 doubled; ${repeats} stanzas sent again, ${unreadable} read at the second try, ${refused} refused\n`);
});
