import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import type { UpstreamCall } from '../contract.ts';
import { capabilitiesOf, claudeModel } from './models.ts';
import { requestBody } from './request.ts';

/** A call as the wire would hand it over. */
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

function refusal(body: JsonObject, model = 'claude-sonnet-4-5') {
  const made = requestBody(call(body, model), claudeModel(model));
  return made.ok ? undefined : { code: made.failure.code, param: made.failure.param };
}

describe('golden files', () => {
  const folder = new URL('fixtures/requests/', import.meta.url);
  test.each(readdirSync(folder))('%s: what the client sent becomes what the API takes', (file) => {
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
  test('a temperature above 1 is refused by name, not bent', () => {
    expect(refusal({ temperature: 1.3 })).toEqual({ code: 'unsupported_parameter', param: 'temperature' });
  });

  test('temperature and top_p exclude each other on newer models only, and a 1 asks for nothing', () => {
    const both = { temperature: 0.5, top_p: 0.9 };
    expect(refusal(both)).toEqual({ code: 'unsupported_parameter', param: 'top_p' });
    expect(bodyFor(both, 'claude-3-haiku-20240307')).toMatchObject(both);
    expect(bodyFor({ temperature: 0, top_p: 1 })).not.toHaveProperty('top_p');
    expect(bodyFor({ temperature: 1 }, 'claude-opus-5-5')).not.toHaveProperty('temperature');
  });

  test('a stop string of white space is refused by its place', () => {
    expect(refusal({ stop: ['END', '\n'] })).toEqual({ code: 'unsupported_parameter', param: 'stop[1]' });
    expect(refusal({ stop: '\n\n' })).toEqual({ code: 'unsupported_parameter', param: 'stop' });
  });
});

describe('max_tokens', () => {
  test('is the most the model can write where nobody names it, and never more', () => {
    expect(bodyFor({})['max_tokens']).toBe(64_000);
    expect(bodyFor({ max_tokens: 100_000 })['max_tokens']).toBe(64_000);
    expect(bodyFor({ max_tokens: 5 })['max_tokens']).toBe(5);
    expect(bodyFor({}, 'somebody/else')['max_tokens']).toBe(8_192);
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

  test('is an effort on newer models, and their thoughts are asked to be shown', () => {
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

  test('none switches thinking off where that can be, and makes it small where it cannot', () => {
    expect(bodyFor({ reasoning_effort: 'none' }, 'claude-opus-5')['thinking']).toEqual({ type: 'disabled' });
    const always = bodyFor({ reasoning_effort: 'none' }, 'claude-opus-5-5');
    expect(always).not.toHaveProperty('thinking');
    expect(always['output_config']).toEqual({ effort: 'low' });
  });

  test('only advises: it gives way to a temperature, a forced tool and a prefill', () => {
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

  test('later instructions keep their place where the model takes that', () => {
    const made = bodyFor({ messages }, 'claude-opus-5');
    expect(made['system']).toEqual([{ type: 'text', text: 'Be brief.' }]);
    expect(made['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
      { role: 'user', content: [{ type: 'text', text: 'Go' }] },
      { role: 'system', content: [{ type: 'text', text: 'In French now.' }] },
    ]);
  });

  test('and move up, in order, where it does not', () => {
    const made = bodyFor({ messages });
    expect(made['system']).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'In French now.' },
    ]);
    expect(made['messages']).toHaveLength(3);
  });

  test('instructions alone are the user’s turn', () => {
    const made = bodyFor({ messages: [{ role: 'system', content: 'Say hi.' }] });
    expect(made).not.toHaveProperty('system');
    expect(made['messages']).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Say hi.' }] }]);
  });

  test('an image that the API cannot take is the caller’s mistake, by its path', () => {
    const image = (url: string) => ({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    });
    const refused = { code: 'invalid_value', param: 'messages[0].content[0].image_url.url' };
    expect(refusal(image('data:image/tiff;base64,AAAA'))).toEqual(refused);
    expect(refusal(image('ftp://example.org/a.png'))).toEqual(refused);
  });

  test('arguments that are no object are handed over as they were written', () => {
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
  });
});

describe('capabilities', () => {
  const declared = (model: string) => [...capabilitiesOf(claudeModel(model))].sort();
  const always = ['image_input', 'max_tokens', 'stop', 'tools'];

  test('grow and shrink with the generations', () => {
    expect(declared('claude-3-haiku-20240307')).toEqual(
      [...always, 'temperature', 'tool_choice', 'top_p'].sort(),
    );
    expect(declared('claude-haiku-4-5-20251001')).toEqual(
      [...always, 'json_schema', 'temperature', 'tool_choice', 'top_p'].sort(),
    );
    expect(declared('claude-opus-4-7')).toEqual([...always, 'json_schema', 'tool_choice'].sort());
    expect(declared('claude-sonnet-5-5')).toEqual([...always, 'json_schema'].sort());
    expect(declared('claude-next-9')).toEqual([...always, 'json_schema'].sort());
  });

  test('answers are continued by models before 4.6 only', () => {
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
