import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import type { UpstreamCall } from '../contract.ts';
import { capabilitiesOf, claudeModel } from './models.ts';
import { requestBody } from './request.ts';

/** A call as the relay makes it. */
function call(body: JsonObject, model: string, prefix?: string): UpstreamCall {
  const decoded = decodeChatRequest({
    model: 'public',
    messages: [{ role: 'user', content: 'Hi' }],
    ...body,
  });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return {
    request: decoded.value.request,
    model,
    keyId: 'key',
    completionId: 'chatcmpl-1',
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function bodyFor(body: JsonObject, model = 'claude-sonnet-4-5', prefix?: string): JsonObject {
  const made = requestBody(call(body, model, prefix), claudeModel(model));
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

describe('golden files', () => {
  const folder = new URL('fixtures/requests/', import.meta.url);
  test.each(readdirSync(folder))('%s: the client’s request becomes this request of the API', (file) => {
    const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
      model: string;
      prefix?: string;
      request: JsonObject;
      body: JsonObject;
    };
    expect(bodyFor(golden.request, golden.model, golden.prefix)).toEqual(golden.body);
  });
});

describe('sampling', () => {
  test('is sent as requested, but not with the default 1', () => {
    const both = { temperature: 0.5, top_p: 0.9 };
    expect(bodyFor(both, 'claude-3-haiku-20240307')).toMatchObject(both);
    expect(bodyFor({ temperature: 0, top_p: 1 })).not.toHaveProperty('top_p');
    expect(bodyFor({ temperature: 1 }, 'claude-opus-5-5')).not.toHaveProperty('temperature');
  });
});

describe('max_tokens', () => {
  test('is the model’s maximum where the request has none, and never more', () => {
    expect(bodyFor({})['max_tokens']).toBe(64_000);
    expect(bodyFor({ max_tokens: 100_000 })['max_tokens']).toBe(64_000);
    expect(bodyFor({ max_tokens: 5 })['max_tokens']).toBe(5);
    expect(bodyFor({}, 'another/model')['max_tokens']).toBe(8_192);
  });
});

describe('reasoning_effort', () => {
  test('is a budget on older models, at most half of max_tokens', () => {
    expect(bodyFor({ reasoning_effort: 'high' })['thinking']).toEqual({
      type: 'enabled',
      budget_tokens: 24_576,
    });
    expect(bodyFor({ reasoning_effort: 'high', max_tokens: 5_000 })['thinking']).toEqual({
      type: 'enabled',
      budget_tokens: 2_500,
    });
    expect(bodyFor({ reasoning_effort: 'high', max_tokens: 1_500 })).not.toHaveProperty('thinking');
  });

  test('is an effort on newer models, with a request to send the thoughts', () => {
    const made = bodyFor({ reasoning_effort: 'minimal' }, 'claude-opus-4-6');
    expect(made['thinking']).toEqual({ type: 'adaptive', display: 'summarized' });
    expect(made['output_config']).toEqual({ effort: 'low' });
    expect(bodyFor({ reasoning_effort: 'xhigh' }, 'claude-opus-4-6')['output_config']).toEqual({
      effort: 'high',
    });
    expect(bodyFor({ reasoning_effort: 'xhigh' }, 'claude-opus-4-7')['output_config']).toEqual({
      effort: 'xhigh',
    });
  });

  test('none switches thinking off where the model can stop thinking, and is the effort low elsewhere', () => {
    expect(bodyFor({ reasoning_effort: 'none' }, 'claude-opus-5')['thinking']).toEqual({ type: 'disabled' });
    const always = bodyFor({ reasoning_effort: 'none' }, 'claude-opus-5-5');
    expect(always).not.toHaveProperty('thinking');
    expect(always['output_config']).toEqual({ effort: 'low' });
  });

  test('is advisory: a temperature, a forced tool and a prefill exclude thinking', () => {
    const tools = [{ type: 'function', function: { name: 'a' } }];
    const asked = { reasoning_effort: 'high' };
    expect(bodyFor({ ...asked, temperature: 0.2 })).not.toHaveProperty('thinking');
    expect(bodyFor({ ...asked, tools, tool_choice: 'required' })).not.toHaveProperty('thinking');
    expect(bodyFor(asked, 'claude-sonnet-4-5', 'Once')).not.toHaveProperty('thinking');
    expect(bodyFor(asked, 'claude-3-haiku-20240307')).not.toHaveProperty('thinking');
  });
});

describe('the conversation', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
    { role: 'user', content: 'Go' },
    { role: 'developer', content: 'In French now.' },
  ];

  test('has later instructions in their place where the model accepts that', () => {
    const made = bodyFor({ messages }, 'claude-opus-5');
    expect(made['system']).toEqual([{ type: 'text', text: 'Be brief.' }]);
    expect(made['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
      { role: 'user', content: [{ type: 'text', text: 'Go' }] },
      { role: 'system', content: [{ type: 'text', text: 'In French now.' }] },
    ]);
  });

  test('has all instructions in `system`, in order, where the model does not', () => {
    const made = bodyFor({ messages });
    expect(made['system']).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'In French now.' },
    ]);
    expect(made['messages']).toHaveLength(3);
  });

  test('has instructions without any other message as the user’s turn', () => {
    const made = bodyFor({ messages: [{ role: 'system', content: 'Say hi.' }] });
    expect(made).not.toHaveProperty('system');
    expect(made['messages']).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Say hi.' }] }]);
  });

  test('has a turn with a text for an empty message of a user', () => {
    const empty = { type: 'text', text: '(empty)' };
    const made = (...contents: readonly string[]) =>
      bodyFor({
        messages: contents.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
      })['messages'];
    expect(made('')).toEqual([{ role: 'user', content: [empty] }]);
    expect(made(' \n', 'Hello', 'Go')).toMatchObject([{ role: 'user', content: [empty] }, {}, {}]);
    expect(made('Hi', 'Hello', '')).toMatchObject([{}, {}, { role: 'user', content: [empty] }]);
    expect(bodyFor({ messages: [{ role: 'system', content: ' ' }] })['messages']).toEqual([
      { role: 'user', content: [empty] },
    ]);
  });

  test('has the user’s turn for messages that say nothing at all', () => {
    const empty = { role: 'user', content: [{ type: 'text', text: '(empty)' }] };
    // An assistant's message that comes last is refused by newer models.
    for (const role of ['system', 'developer', 'assistant', 'user']) {
      expect(bodyFor({ messages: [{ role, content: '' }] }, 'claude-3-haiku-20240307')['messages']).toEqual([
        empty,
      ]);
    }
    const texts = [{ type: 'text', text: '' }];
    expect(bodyFor({ messages: [{ role: 'user', content: texts }] })['messages']).toEqual([empty]);
  });

  test('has nothing for an empty message next to another of its role', () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'user', content: '' },
    ];
    expect(bodyFor({ messages })['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    ]);
  });

  test('has arguments that are no object as they were written', () => {
    const call = (written: string) => ({
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'functions.a:0', type: 'function', function: { name: 'a', arguments: written } },
          ],
        },
        { role: 'tool', tool_call_id: 'functions.a:0', content: 'ok' },
      ],
    });
    const input = (written: string) => JSON.stringify(bodyFor(call(written))['messages']);
    expect(input('{"x":')).toContain('"id":"functions_a_0","name":"a","input":{"arguments":"{\\"x\\":"}');
    expect(input('')).toContain('"input":{}');
    expect(input('{}')).toContain('"tool_use_id":"functions_a_0"');
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(input(deep(64))).toContain(`"input":${deep(64)}`);
    expect(input(deep(20_000))).toContain('"input":{"arguments":"{');
  });
});

describe('capabilities', () => {
  const declared = (model: string) => [...capabilitiesOf(claudeModel(model))].sort();
  const always = ['image_input', 'max_tokens', 'stop', 'tools'];

  test('depend on the generation of the model', () => {
    expect(declared('claude-3-haiku-20240307')).toEqual(
      [...always, 'continued_answer', 'temperature', 'tool_choice', 'top_p'].sort(),
    );
    expect(declared('claude-haiku-4-5-20251001')).toEqual(
      [...always, 'continued_answer', 'json_schema', 'temperature', 'tool_choice', 'top_p'].sort(),
    );
    expect(declared('claude-opus-4-7')).toEqual([...always, 'json_schema', 'tool_choice'].sort());
    expect(declared('claude-sonnet-5-5')).toEqual([...always, 'json_schema'].sort());
    expect(declared('claude-next-9')).toEqual([...always, 'json_schema'].sort());
  });

  test('include a takeover for models before 4.6 only', () => {
    const prefill = (model: string) => claudeModel(model).prefill;
    expect(
      ['claude-3-7-sonnet-latest', 'claude-sonnet-4-20250514', 'claude-opus-4-5', 'claude-opus-4-1'].map(
        prefill,
      ),
    ).toEqual([true, true, true, true]);
    expect(
      ['claude-opus-4-6', 'claude-sonnet-4-6', 'claude-sonnet-5', 'claude-next-9', 'other'].map(prefill),
    ).toEqual([false, false, false, false, false]);
  });
});
