import assert from 'node:assert/strict';
import { it } from 'node:test';

import { nextSendAt, recent, typingMs, type Sent } from '../../src/session/pacing.js';

it('sends the first at once, the next after one to three seconds', () => {
  assert.equal(nextSendAt([], 'a', 5_000, 0.5), 5_000);
  assert.equal(nextSendAt([{ chat: 'b', at: 5_000 }], 'a', 5_000, 0), 6_000);
  assert.equal(nextSendAt([{ chat: 'b', at: 5_000 }], 'a', 5_000, 1), 8_000);
  assert.equal(nextSendAt([{ chat: 'a', at: 5_000 }], 'a', 5_000, 0), 6_500);
});

it('sends at most twenty in a minute, whatever the dice say', () => {
  for (const random of [0, 0.3, 1]) {
    let now = 0;
    let sent: readonly Sent[] = [];
    const times: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      now = nextSendAt(sent, n % 3 === 0 ? 'a' : 'b', now, random);
      times.push(now);
      sent = [...recent(sent, now), { chat: n % 3 === 0 ? 'a' : 'b', at: now }];
    }
    for (const start of times) assert.ok(times.filter((time) => time >= start && time < start + 60_000).length <= 20);
  }
});

it('types longer for longer texts, and not for ever', () => {
  assert.equal(typingMs(0), 600);
  assert.equal(typingMs(40), 1_800);
  assert.equal(typingMs(4_096), 6_000);
});
