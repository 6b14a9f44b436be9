// A tool loop of two turns on the default model: the first answer is sent back as it came.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { complete, type Fields } from './completion.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ model: 'default', sequences: 2 });
});
afterAll(async () => {
  await server?.stop();
});

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather in a city.',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string', maxLength: 20 },
          unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
        },
        required: ['city', 'unit'],
        additionalProperties: false,
      },
    },
  },
];
const question = { role: 'user', content: 'What is the weather in Paris?' };

/** The message of an answer, as an SDK would hand it to its caller. */
async function firstMessage(fields: Fields): Promise<Fields & { readonly tool_calls: { id: string }[] }> {
  if (fields['stream'] === true) {
    const { choices } = await complete(server, fields);
    const calls = (choices[0]?.calls ?? []).map(({ id, name, arguments: text }) => ({
      id,
      type: 'function',
      function: { name, arguments: text },
    }));
    return { role: 'assistant', content: '', tool_calls: calls };
  }
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  });
  const completion = (await response.json()) as {
    choices: { message: Fields & { tool_calls: { id: string }[] } }[];
  };
  return completion.choices[0]?.message ?? { tool_calls: [] };
}

describe.each([true, false])('two turns (stream: %s)', (stream) => {
  test.each([
    ['required', true],
    [{ type: 'function', function: { name: 'get_weather' } }, true],
    ['required', false],
  ] as const)(
    'tool_choice %j, parallel %s: the call goes back with its result, and text follows',
    async (choice, parallel) => {
      const asked = {
        model: 'default',
        stream,
        tools,
        tool_choice: choice,
        parallel_tool_calls: parallel,
        messages: [question],
        temperature: 0,
        max_tokens: 200,
      };
      const message = await firstMessage(asked);
      expect(message.tool_calls.length).toBeGreaterThan(0);
      for (const call of message.tool_calls) {
        expect(call).toEqual({
          id: expect.stringMatching(/^call_/),
          type: 'function',
          function: { name: 'get_weather', arguments: expect.any(String) },
        });
      }
      const results = message.tool_calls.map(({ id }) => ({
        role: 'tool',
        tool_call_id: id,
        content: '{"sky":"clear","degrees":21}',
      }));
      const second = await complete(server, {
        ...asked,
        tool_choice: 'none',
        tools,
        messages: [question, message, ...results],
        max_tokens: 60,
      });
      expect(second.error).toBeUndefined();
      // The text that so small a model makes from a result is not checked.
      expect(second.choices[0]?.text).not.toBe('');
      expect(['stop', 'length']).toContain(second.choices[0]?.finish);
      expect(second.choices[0]?.calls).toEqual([]);
      // The prompt holds the tool's result: without it it is shorter.
      const without = await complete(server, {
        ...asked,
        tool_choice: 'none',
        messages: [question],
        max_tokens: 1,
      });
      expect(second.usage.prompt_tokens).toBeGreaterThan(without.usage.prompt_tokens + 20);
    },
  );

  test('with tool_choice auto the history is read, and the first turn’s state is reused', async () => {
    const asked = { model: 'default', stream, tools, tool_choice: 'auto', temperature: 0, max_tokens: 80 };
    const message = await firstMessage({ ...asked, tool_choice: 'required', messages: [question] });
    const [call] = message.tool_calls;
    const result = { role: 'tool', tool_call_id: call?.id, content: 'clear, 21 degrees' };
    const messages = [question, { ...message, tool_calls: [call] }, result];
    const second = await complete(server, { ...asked, messages });
    expect(second.error).toBeUndefined();
    expect(['stop', 'length', 'tool_calls']).toContain(second.choices[0]?.finish);
    const cached = second.usage.prompt_tokens_details?.cached_tokens ?? 0;
    expect(cached).toBeGreaterThan(second.usage.prompt_tokens / 2);
  });
});
