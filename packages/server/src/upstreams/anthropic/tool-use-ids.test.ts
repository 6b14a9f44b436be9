import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Message } from '../../domain/chat-request.ts';
import { createToolUseIds } from './tool-use-ids.ts';

const user: Message = { role: 'user', content: [] };
const calls = (ids: readonly string[]): Message => ({
  role: 'assistant',
  content: [],
  toolCalls: ids.map((id) => ({ id, name: 'f', arguments: '' })),
});
const result = (toolCallId: string): Message => ({ role: 'tool', content: [], toolCallId });
/** A turn with these calls, and a result for each in the same order. */
const loop = (ids: readonly string[]): Message[] => [user, calls(ids), ...ids.map(result)];

test('ids that differ only in characters that the API refuses stay different', () => {
  const ids = createToolUseIds(loop(['a.b', 'a:b', 'a_b']));
  expect([0, 1, 2].map((call) => ids.ofCall(1, call))).toEqual(['a_b_2', 'a_b_3', 'a_b']);
  expect([2, 3, 4].map((message) => ids.ofResult(message))).toEqual(['a_b_2', 'a_b_3', 'a_b']);
});

test('an id that is repeated in a later turn is another call', () => {
  const ids = createToolUseIds([...loop(['call_0']), ...loop(['call_0'])]);
  expect([ids.ofCall(1, 0), ids.ofResult(2)]).toEqual(['call_0', 'call_0']);
  expect([ids.ofCall(4, 0), ids.ofResult(5)]).toEqual(['call_0_2', 'call_0_2']);
});

test('two calls of one turn with the same id have one result each, in order', () => {
  const ids = createToolUseIds(loop(['x', 'x']));
  expect([ids.ofCall(1, 0), ids.ofCall(1, 1)]).toEqual(['x', 'x_2']);
  expect([ids.ofResult(2), ids.ofResult(3)]).toEqual(['x', 'x_2']);
});

test('for any ids, the API accepts the chosen ones, all are different, and results match their calls', () => {
  const id = fc.oneof(
    fc.constantFrom('a.b', 'a:b', 'a_b', 'a_b_2', 'a b', '', 'é', '😀', 'call', 'call_2'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.array(id, { maxLength: 5 }), { maxLength: 5 }), (turns) => {
      const messages = turns.flatMap(loop);
      const ids = createToolUseIds(messages);
      const named = messages.flatMap((message, index) =>
        message.role === 'assistant' ? message.toolCalls.map((_, call) => ids.ofCall(index, call)) : [],
      );
      for (const name of named) expect(name).toMatch(/^[a-zA-Z0-9_-]+$/);
      expect(new Set(named).size).toBe(named.length);
      const answered = messages.flatMap((message, index) =>
        message.role === 'tool' ? [ids.ofResult(index)] : [],
      );
      expect(answered).toEqual(named);
    }),
  );
});

test('ids of this provider stay as they are', () => {
  const ids = createToolUseIds(loop(['toolu_01A', 'toolu-02']));
  expect([ids.ofCall(1, 0), ids.ofCall(1, 1)]).toEqual(['toolu_01A', 'toolu-02']);
});

test.each(['call_0', 'call:0'])('thousands of calls with the id %s cost one or two look-ups each', (id) => {
  const looks = vi.spyOn(Set.prototype, 'has');
  try {
    const messages = Array.from({ length: 2_000 }, () => loop([id])).flat();
    const ids = createToolUseIds(messages);
    expect(ids.ofResult(messages.length - 1)).toBe('call_0_2000');
    expect(looks.mock.calls.length).toBeLessThan(4 * messages.length);
  } finally {
    looks.mockRestore();
  }
});
