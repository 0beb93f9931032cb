import { expect, it } from 'vitest';

import { readTold, withLine } from './wire';

it('what the server says is read, and what is not known is passed over', () => {
  expect(readTold('{"clear":true}')).toEqual({ clear: true });
  expect(readTold('{"ended":"agent_ended"}')).toEqual({ ended: 'agent_ended' });
  for (const other of ['', '7', 'null', '[]', '{"later":1}']) expect(readTold(other)).toBeUndefined();
});

it('lines stand in the order of the conversation, each once', () => {
  const [first, second] = [
    { seq: 0, speaker: 'agent' as const, text: 'Hello' },
    { seq: 1, speaker: 'caller' as const, text: 'Hi' },
  ];
  expect(withLine([second], first)).toEqual([first, second]);
  expect(withLine([first, second], { ...second, text: 'Hi there' })).toEqual([first, { ...second, text: 'Hi there' }]);
});
