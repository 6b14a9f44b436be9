import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { decodeChatRequest } from './decode-request.ts';

const hello = { role: 'user', content: 'Hello' };
const tool = { type: 'function', function: { name: 'f' } };
const image = { type: 'image_url', image_url: { url: 'data:,' } };
const named = { type: 'function', function: { name: 'f' } };
const cache_control = { type: 'ephemeral' };

function unknownOf(fields: JsonObject): string | undefined {
  const decoded = decodeChatRequest({ model: 'default', messages: [hello], ...fields });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return decoded.value.requirements.find(({ feature }) => feature === 'unknown_fields')?.param;
}

describe('an unknown member inside a known field needs a target that takes it as it came', () => {
  it.each<[string, JsonObject]>([
    ['messages[0].w', { messages: [{ ...hello, w: 1 }] }],
    ['messages[0].tool_calls', { messages: [{ ...hello, tool_calls: [{ id: 'a' }] }] }],
    ['messages[1].w', { messages: [hello, { role: 'tool', tool_call_id: 'a', content: 'x', w: false }] }],
    [
      'messages[0].content[0].w',
      { messages: [{ role: 'system', content: [{ type: 'text', text: 'x', w: 0 }] }] },
    ],
    [
      'messages[0].content[0].image_url',
      { messages: [{ role: 'user', content: [{ ...image, type: 'text', text: 'x' }] }] },
    ],
    [
      'messages[0].content[0].image_url.w',
      { messages: [{ role: 'user', content: [{ ...image, image_url: { url: 'data:,', w: 1 } }] }] },
    ],
    ['tools[1].w', { tools: [tool, { ...tool, function: { name: 'g' }, w: 1 }] }],
    [
      'tools[0].function.returns',
      { tools: [{ ...tool, function: { name: 'f', returns: { type: 'object' } } }] },
    ],
    ['tool_choice.w', { tools: [tool], tool_choice: { ...named, w: 1 } }],
    ['tool_choice.function.w', { tools: [tool], tool_choice: { ...named, function: { name: 'f', w: 1 } } }],
    ['stream_options.w', { stream: true, stream_options: { include_usage: true, w: true } }],
    ['response_format.schema', { response_format: { type: 'text', schema: { type: 'object' } } }],
    ['response_format.w', { response_format: { type: 'json_object', w: 1 } }],
    [
      'response_format.json_schema',
      { response_format: { type: 'json_object', json_schema: { name: 'a', schema: {} } } },
    ],
    [
      'response_format.schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'a' }, schema: { type: 'object' } } },
    ],
    [
      'response_format.json_schema.w',
      { response_format: { type: 'json_schema', json_schema: { name: 'a', w: 1 } } },
    ],
    ['top', { top: 1, messages: [{ ...hello, w: 1 }] }],
  ])('%s', (path, fields) => {
    expect(unknownOf(fields)).toBe(path);
  });
});

describe('no other target is needed', () => {
  it.each<[string, JsonObject]>([
    [
      'for an empty value',
      { messages: [{ ...hello, w: null, tool_calls: [], refusal: '', annotations: {} }] },
    ],
    [
      'for a schema beside json_object',
      { response_format: { type: 'json_object', schema: { type: 'object' } } },
    ],
    [
      'for a choice that repeats the definition of its tool',
      {
        tools: [tool],
        tool_choice: { type: 'function', function: { name: 'f', description: 'd', strict: true } },
      },
    ],
    [
      'for cache_control',
      {
        messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control }], cache_control }],
        tools: [{ ...tool, cache_control }],
      },
    ],
    [
      'for an assistant message, as an SDK returned it',
      {
        messages: [
          hello,
          {
            role: 'assistant',
            content: [{ type: 'text', text: 'x', w: 1 }],
            parsed: { a: 1 },
            tool_calls: [
              {
                id: 'a',
                type: 'function',
                function: { name: 'f', arguments: '{}', parsed_arguments: {} },
                w: 1,
              },
            ],
          },
        ],
      },
    ],
  ])('%s', (_, fields) => {
    expect(unknownOf(fields)).toBeUndefined();
  });
});
