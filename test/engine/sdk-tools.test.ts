// The TypeScript SDK against the real model: a conversation with tools, and JSON that is typed while it comes.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type RunnableTool,
  responseFormat,
  type StandardSchema,
  Tailrace,
} from '../../packages/client/src/index.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: Tailrace;
beforeAll(async () => {
  server = await startServer({ model: 'default', sequences: 2 });
  client = new Tailrace({ apiKey: server.apiKey, baseURL: `${server.baseUrl}/v1` });
});
afterAll(async () => {
  await server?.stop();
});

interface Place {
  city: string;
  unit: 'celsius' | 'fahrenheit';
}

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 20 },
    unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
  },
  required: ['city', 'unit'],
  additionalProperties: false,
};

const placeSchema: StandardSchema<unknown, Place> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { city, unit } = value as Partial<Place>;
      return typeof city === 'string' && (unit === 'celsius' || unit === 'fahrenheit')
        ? { value: { city, unit } }
        : { issues: [{ message: 'no place' }] };
    },
    jsonSchema: { input: () => parameters },
  },
};

const messages = [{ role: 'user' as const, content: 'What is the weather in Paris?' }];

describe.each([true, false])('runTools (stream: %s)', (stream) => {
  test('the model calls, gets the results, and its text follows', async () => {
    const places: Place[] = [];
    const tool: RunnableTool<Place, undefined> = {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'The weather in a city.',
        parameters: placeSchema,
        function(place) {
          places.push(place);
          return { sky: 'clear', degrees: 21 };
        },
      },
    };
    let text = '';
    const results: string[] = [];
    const runner = client.chat.completions
      .runTools(
        {
          model: 'default',
          messages,
          stream,
          tools: [tool],
          // So small a model is made to call; it is free again once the results are there.
          tool_choice: 'required',
          parallel_tool_calls: false,
          temperature: 0,
          max_tokens: 100,
        },
        { maxChatCompletions: 1 },
      )
      .on('functionToolCallResult', (content) => results.push(content));
    await runner.done();
    expect(places.length).toBeGreaterThan(0);
    expect(results).toEqual(places.map(() => '{"sky":"clear","degrees":21}'));
    const next = client.chat.completions
      .runTools({
        model: 'default',
        messages: runner.messages,
        stream,
        tools: [tool],
        tool_choice: 'none',
        temperature: 0,
        max_tokens: 20,
      })
      .on('content', (delta) => {
        text += delta;
      });
    expect(await next.finalContent()).toBe(text);
    expect(text).not.toBe('');
    expect((await next.totalUsage()).completion_tokens).toBeGreaterThan(0);
  });
});

describe('structured output', () => {
  const asked = {
    model: 'default',
    messages,
    response_format: responseFormat('place', placeSchema),
    temperature: 0,
    max_tokens: 200,
  };

  test('is typed while it comes, grows, and is validated at the end', async () => {
    const stream = await client.chat.completions.create({ ...asked, stream: true });
    const output = stream.partial(placeSchema);
    const seen: { city?: string; unit?: string }[] = [];
    for await (const part of output) seen.push({ ...part });
    const final = await output.final();
    expect(JSON.parse(await stream.finalText())).toEqual(final);
    expect(seen.at(-1)).toEqual(final);
    for (const { city = '' } of seen) expect(final?.city.startsWith(city)).toBe(true);
    // It came in pieces: the name of the city was there before the unit.
    expect(seen.some((part) => 'city' in part && !('unit' in part))).toBe(true);
  });

  test('is parsed where it comes whole', async () => {
    const completion = await client.chat.completions.parse(asked);
    expect(completion.choices[0]?.message.parsed).toEqual({
      city: expect.any(String),
      unit: expect.stringMatching(/^(celsius|fahrenheit)$/),
    });
  });
});
