import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import type { UpstreamCall } from '../contract.ts';
import { capabilitiesOf, geminiModel } from './models.ts';
import { requestBody } from './request.ts';

/** A call as the relay makes it. */
function call(body: JsonObject, model: string): UpstreamCall {
  const decoded = decodeChatRequest({
    model: 'public',
    messages: [{ role: 'user', content: 'Hi' }],
    ...body,
  });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return { request: decoded.value.request, model, keyId: 'key', completionId: 'chatcmpl-1' };
}

function bodyFor(body: JsonObject, model = 'gemini-3-flash-preview'): JsonObject {
  const made = requestBody(call(body, model), geminiModel(model));
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

function thinking(reasoning_effort: string | undefined, model: string) {
  const made = bodyFor(reasoning_effort === undefined ? {} : { reasoning_effort }, model);
  return (made['generationConfig'] as JsonObject | undefined)?.['thinkingConfig'];
}

describe('golden files', () => {
  const folder = new URL('fixtures/requests/', import.meta.url);
  test.each(readdirSync(folder))('%s: the client’s request becomes this request of the API', (file) => {
    const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
      model: string;
      request: JsonObject;
      body: JsonObject;
    };
    expect(bodyFor(golden.request, golden.model)).toEqual(golden.body);
  });
});

describe('reasoning_effort', () => {
  test('is the nearest level that the model has, from Gemini 3 on', () => {
    expect(thinking('none', 'gemini-3-flash-preview')).toEqual({
      thinkingLevel: 'minimal',
      includeThoughts: true,
    });
    expect(thinking('none', 'gemini-3.8-flash')).toEqual({ thinkingLevel: 'low', includeThoughts: true });
    expect(thinking('medium', 'gemini-3-pro-preview')).toEqual({
      thinkingLevel: 'high',
      includeThoughts: true,
    });
    expect(thinking('medium', 'gemini-flash-latest')).toEqual({
      thinkingLevel: 'medium',
      includeThoughts: true,
    });
    expect(thinking('max', 'gemini-4-argon')).toEqual({ thinkingLevel: 'high', includeThoughts: true });
  });

  test('is a budget on 2.5, and never 0 on 2.5 Pro', () => {
    expect(thinking('low', 'gemini-2.5-flash')).toEqual({ thinkingBudget: 1_024, includeThoughts: true });
    expect(thinking('none', 'gemini-2.5-flash')).toEqual({ thinkingBudget: 0 });
    expect(thinking('none', 'gemini-2.5-pro')).toEqual({ thinkingBudget: 128, includeThoughts: true });
  });

  test('is not sent to a model that does not think; without it the thoughts are requested too', () => {
    expect(thinking('high', 'gemini-2.0-flash')).toBeUndefined();
    expect(thinking(undefined, 'gemini-2.5-flash')).toEqual({ includeThoughts: true });
    expect(thinking('extreme', 'gemini-3-flash-preview')).toEqual({ includeThoughts: true });
  });
});

describe('instructions', () => {
  test('without any other message are the user’s turn', () => {
    const made = bodyFor({ messages: [{ role: 'system', content: 'Say hi.' }] });
    expect(made).not.toHaveProperty('systemInstruction');
    expect(made['contents']).toEqual([{ role: 'user', parts: [{ text: 'Say hi.' }] }]);
  });

  test('go into the first turn where the model has no system instruction', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ];
    const made = bodyFor({ messages }, 'gemma-3-27b-it');
    expect(made).not.toHaveProperty('systemInstruction');
    expect(made['contents']).toEqual([{ role: 'user', parts: [{ text: 'Be brief.' }, { text: 'Hi' }] }]);
  });
});

describe('the contents', () => {
  const empty = { role: 'user', parts: [{ text: '(empty)' }] };
  const contentsFor = (messages: readonly JsonObject[], model?: string) =>
    bodyFor({ messages: [...messages] }, model)['contents'];
  const said = (...contents: readonly string[]) =>
    contents.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content }));

  test('have a turn with a text for a user who says nothing', () => {
    expect(contentsFor(said(''))).toEqual([empty]);
    expect(contentsFor(said('', 'Hello', 'Go'))).toMatchObject([empty, { role: 'model' }, { role: 'user' }]);
    expect(contentsFor(said('Hi', 'Hello', ''))).toMatchObject([{}, {}, empty]);
    const texts = [{ type: 'text', text: '' }];
    expect(contentsFor([{ role: 'user', content: [...texts, ...texts] }])).toEqual([empty]);
  });

  test('are never without a turn', () => {
    for (const role of ['system', 'developer', 'assistant', 'user']) {
      for (const model of ['gemini-3-flash-preview', 'gemma-3-27b-it']) {
        expect(contentsFor([{ role, content: '' }], model)).toEqual([empty]);
      }
    }
    expect(contentsFor([{ role: 'system', content: 'Be brief.' }, ...said('')], 'gemma-3-27b-it')).toEqual([
      { role: 'user', parts: [{ text: 'Be brief.' }] },
    ]);
  });

  test('have nothing for an empty message that says nothing beside others', () => {
    const messages = [...said('Hi', ''), { role: 'user', content: '' }];
    expect(contentsFor(messages)).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }]);
  });

  test('have an empty output for a tool that says nothing', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '' } };
    const messages = [
      ...said('Hi'),
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: '' },
    ];
    expect(contentsFor(messages)).toMatchObject([
      {},
      { parts: [{ functionCall: { name: 'f', args: {} } }] },
      { parts: [{ functionResponse: { name: 'f', response: { output: '' } } }] },
    ]);
  });
});

describe('response_format', () => {
  test('json_object has the schema beside it', () => {
    const schema = { properties: { a: { type: 'string' } } };
    expect(bodyFor({ response_format: { type: 'json_object', schema } })['generationConfig']).toMatchObject({
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', ...schema },
    });
    const plain = bodyFor({ response_format: { type: 'json_object', schema: {} } })['generationConfig'];
    expect(plain).not.toHaveProperty('responseJsonSchema');
  });
});

describe('caps', () => {
  test('five stop strings are accepted, six are not', () => {
    const refused = (stop: readonly string[]) =>
      requestBody(call({ stop: [...stop] }, 'gemini-2.5-pro'), geminiModel('gemini-2.5-pro'));
    expect(refused(['a', 'b', 'c', 'd', 'e'])).toMatchObject({ ok: true });
    expect(refused(['a', 'b', 'c', 'd', 'e', 'f'])).toMatchObject({
      failure: { code: 'invalid_value', param: 'stop' },
    });
  });
});

describe('capabilities', () => {
  const always = ['image_input', 'max_tokens', 'seed', 'stop', 'temperature', 'top_p'];
  const formats = ['audio_input', 'json_object', 'json_schema', 'tool_choice', 'tools'];
  const penalties = ['frequency_penalty', 'presence_penalty'];

  test('differ by generation', () => {
    const declared = (model: string) => [...capabilitiesOf(geminiModel(model))].sort();
    expect(declared('gemini-2.0-flash')).toEqual([...always, ...formats, ...penalties, 'n'].sort());
    expect(declared('gemini-1.5-pro')).toEqual([...always, ...formats, ...penalties, 'n'].sort());
    expect(declared('gemini-2.5-pro')).toEqual([...always, ...formats, 'n'].sort());
    expect(declared('gemini-3-pro-preview')).toEqual([...always, ...formats, ...penalties].sort());
    expect(declared('gemini-pro-latest')).toEqual([...always, ...formats, ...penalties].sort());
    expect(declared('gemma-3-27b-it')).toEqual([...always].sort());
  });
});
