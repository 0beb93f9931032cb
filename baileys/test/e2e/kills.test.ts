// The sidecar is killed again and again under traffic. The peer's ledger and the backend's own list are the judges.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { randomInt } from 'node:crypto';

import type { EntryKind } from '../peer/ledger.js';
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

interface Sent {
  readonly messageId: string;
  readonly waId: string;
}

/** Hands a message over, however often the sidecar dies meanwhile. */
async function submit(messageId: string, customer: string): Promise<Sent> {
  for (;;) {
    const generation = world.sidecar.pid;
    try {
      const { status, body } = await world.sidecar.request('POST', `/v1/sessions/${BUSINESS}/messages`, {
        message_id: messageId,
        chat: `8${customer}@lid`,
        content: { type: 'text', text: messageId },
      });
      if (status === 200 || status === 202) return { messageId, waId: String(body['wa_id']) };
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

/** What the backend has of each message: a readable one that follows an unreadable one replaces it, as PROTOCOL.md says. */
function held(): { readonly newest: ReadonlyMap<string, string>; readonly doubled: readonly string[] } {
  const newest = new Map<string, string>();
  const doubled: string[] = [];
  for (const { kind, message } of world.backend.taken()) {
    const before = newest.get(message.wa_id);
    if (before !== undefined && (kind === 'message' || before !== 'undecryptable')) doubled.push(message.wa_id);
    newest.set(message.wa_id, message.content.type);
  }
  return { newest, doubled };
}

/** What is under way and should not be: where to look when this test fails. */
async function missing(sent: readonly Sent[] = []): Promise<object> {
  const { ledger } = world.peer;
  const ids = (kind: EntryKind) => new Set(ledger.of(kind).map(({ id }) => id));
  const untaken = ledger.of('to_business').filter(({ id }) => !ids('taken').has(id));
  const hidden = sent.filter(({ waId }) => !ids('from_business').has(waId));
  const unshown = await Promise.all(
    hidden.map(async ({ messageId, waId }) => {
      const { body } = await world.sidecar.request('GET', `/v1/sessions/${BUSINESS}/messages/${messageId}`);
      return { ...body, seen: ledger.about(waId) };
    }),
  );
  return { untaken, unshown, log: world.sidecar.lines.slice(-5) };
}

/** Waits, and tells what is missing when it waited in vain. */
async function explained(waiting: Promise<unknown>, sent?: readonly Sent[]): Promise<void> {
  await waiting.catch(async (error: Error) => {
    throw new Error(`${error.message}; missing: ${JSON.stringify(await missing(sent))}`);
  });
}

it(`loses nothing and doubles nothing in ${KILLS} kills`, async () => {
  const { ledger } = world.peer;
  for (const customer of CUSTOMERS) await world.peer.write(customer, PHONE, { conversation: 'hello' });
  await world.backend.until(() => world.backend.messages().length === CUSTOMERS.length, 'the greetings');

  const sent: Promise<Sent>[] = [];
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
    await explained(ledger.until(() => happened() >= goal, `${goal} happenings`, 20_000));
    await world.sidecar.kill();
    await world.sidecar.start();
    for (const wake of waiting.splice(0)) wake();
  }

  const answers = await Promise.all(sent);
  const waIds = answers.map(({ waId }) => waId);
  const written = ledger.of('to_business').map(({ id }) => id);
  const readable = () => [...held().newest.values()].filter((type) => type === 'text').length;
  await world.backend.until(() => readable() >= written.length, `${written.length} readable messages`, 60_000);
  await explained(ledger.until(() => ledger.of('from_business').length >= waIds.length, `${waIds.length} answers`, 60_000), answers);
  await explained(ledger.until(() => ledger.of('taken').length >= written.length, 'all receipts', 60_000));

  const { newest, doubled } = held();
  assert.deepEqual([...newest.keys()].sort(), [...written].sort(), 'each message of a customer is at the backend');
  assert.deepEqual(doubled, [], 'exactly once');
  const shown = ledger.of('from_business').map(({ id }) => id ?? '');
  assert.deepEqual(shown.sort(), [...waIds].sort(), 'each answer is on a phone exactly once');
  const repeats = ledger.of('repeated').length;
  const unreadable = ledger.of('unreadable').length;
  const refused = ledger.of('refused').length;
  process.stdout.write(`${KILLS} kills: ${written.length} in, ${waIds.length} out, 0 lost, 0 doubled; ${repeats} stanzas sent again, ${unreadable} read at the second try, ${refused} refused\n`);
});
