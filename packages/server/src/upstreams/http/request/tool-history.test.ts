import { expect, test } from 'vitest';
import type { Message } from '../../../domain/chat-request.ts';
import { toolHistoryProblem } from './tool-history.ts';

const user: Message = { role: 'user', content: [{ type: 'text', text: 'Hi' }] };
const system: Message = { role: 'system', content: [] };
const calls = (...ids: readonly string[]): Message => ({
  role: 'assistant',
  content: [],
  toolCalls: ids.map((id) => ({ id, name: 'f', arguments: '{}' })),
});
const result = (toolCallId: string): Message => ({ role: 'tool', content: [], toolCallId });

test.each<[string, readonly Message[]]>([
  ['no calls', [user, calls(), user]],
  ['results in any order', [user, calls('a', 'b'), result('b'), result('a'), user]],
  ['calls of one turn in two messages', [user, calls('a'), calls('b'), result('a'), result('b')]],
  ['instructions between', [user, calls('a'), system, result('a')]],
  ['an id that is used again', [calls('a'), result('a'), calls('a'), result('a')]],
  ['two calls with one id, each with a result', [calls('a', 'a'), result('a'), result('a')]],
])('%s: no problem', (_name, messages) => {
  expect(toolHistoryProblem(messages)).toBeUndefined();
});

test.each<[string, readonly Message[], string]>([
  ['a result without a call', [user, result('a')], 'messages[1].tool_call_id'],
  ['a second result', [calls('a'), result('a'), result('a')], 'messages[2].tool_call_id'],
  ['a call without a result', [user, calls('a'), user], 'messages[1].tool_calls'],
  ['a call that comes last', [user, calls('a')], 'messages[1].tool_calls'],
  ['one of two results', [calls('a', 'b'), result('a'), calls()], 'messages[0].tool_calls'],
  ['a user between', [calls('a'), user, result('a')], 'messages[0].tool_calls'],
])('%s blames the request', (_name, messages, param) => {
  expect(toolHistoryProblem(messages)).toMatchObject({ code: 'invalid_value', param });
});
