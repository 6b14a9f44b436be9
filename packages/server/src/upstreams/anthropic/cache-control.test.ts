import { expect, test } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { claudeModel } from './models.ts';
import { requestBody } from './request.ts';

const cache_control = { type: 'ephemeral' };
const hour = { type: 'ephemeral', ttl: '1h' };
const text = (said: string, more: JsonObject = {}) => ({ type: 'text', text: said, ...more });
const marked = (said: string) => text(said, { cache_control });

function bodyFor(body: JsonObject): JsonObject {
  const decoded = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...body });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  const model = 'claude-sonnet-4-5';
  const call = { request: decoded.value.request, model, keyId: 'k', completionId: 'c' };
  const made = requestBody(call, claudeModel(model));
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

test('marks of parts are handed on in their places', () => {
  const url = 'https://a.example/b.png';
  const made = bodyFor({
    messages: [
      { role: 'system', content: [text('a'), marked('b'), text('c')] },
      {
        role: 'user',
        content: [
          text('d', { cache_control: hour }),
          { type: 'image_url', image_url: { url }, cache_control },
          text('e'),
        ],
      },
      { role: 'assistant', content: [text('f'), marked('g')] },
      { role: 'user', content: [marked('h')] },
    ],
  });
  expect(made['system']).toEqual([text('a'), marked('b'), text('c')]);
  expect(made['messages']).toEqual([
    {
      role: 'user',
      content: [
        text('d', { cache_control: hour }),
        { type: 'image', source: { type: 'url', url }, cache_control },
        text('e'),
      ],
    },
    { role: 'assistant', content: [marked('fg')] },
    { role: 'user', content: [marked('h')] },
  ]);
});

test('the mark of a tool’s result stands on the result, and that of a call on the call', () => {
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, cache_control };
  const results = [{ content: [text('x'), marked('y')] }, { content: 'xy', cache_control }];
  for (const result of results) {
    const made = bodyFor({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'a', ...result },
      ],
    });
    const content = Array.isArray(result.content) ? [text('x'), text('y')] : [text('xy')];
    expect(made['messages']).toMatchObject([
      {},
      { content: [{ type: 'tool_use', id: 'a', cache_control }] },
      { content: [{ type: 'tool_result', tool_use_id: 'a', content, cache_control }] },
    ]);
  }
});

test('the mark of a message is that of its last block, but of no thought', () => {
  const blocks = [
    { type: 'thinking', thinking: 'hm', signature: 's' },
    { type: 'text', length: 5 },
    { type: 'redacted_thinking', data: 'd' },
  ];
  const made = bodyFor({
    messages: [
      { role: 'system', content: 'Be brief.', cache_control },
      { role: 'user', content: 'Hi', cache_control },
      { role: 'assistant', content: 'Hello', extra_content: { anthropic: { blocks } }, cache_control },
      { role: 'user', content: 'Go' },
    ],
  });
  expect(made['system']).toEqual([marked('Be brief.')]);
  expect(made['messages']).toEqual([
    { role: 'user', content: [marked('Hi')] },
    { role: 'assistant', content: [blocks[0], marked('Hello'), blocks[2]] },
    { role: 'user', content: [text('Go')] },
  ]);
});

test('a part without a text leaves its mark to the part before it', () => {
  const made = bodyFor({ messages: [{ role: 'user', content: [text('a'), marked(' ')] }] });
  expect(made['messages']).toEqual([{ role: 'user', content: [marked('a')] }]);
});

test('tools are marked beside their function or inside it', () => {
  const tools = [
    { type: 'function', function: { name: 'f' }, cache_control },
    { type: 'function', function: { name: 'g', cache_control } },
    { type: 'function', function: { name: 'h' }, cache_control: null },
  ];
  expect(bodyFor({ tools })['tools']).toEqual([
    { name: 'f', input_schema: { type: 'object' }, cache_control },
    { name: 'g', input_schema: { type: 'object' }, cache_control },
    { name: 'h', input_schema: { type: 'object' } },
  ]);
});
