import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, Message, ToolDefinition } from './chat-request.ts';
import { estimatePromptTokens } from './estimate-tokens.ts';
import { fakeChatRequest } from './fake-chat-request.ts';

const said = (content: string, more: Partial<Message> = {}) =>
  ({ role: 'user', content, ...more }) as Message;
const asked = (messages: readonly Message[], more: Partial<ChatRequest> = {}) =>
  estimatePromptTokens(fakeChatRequest('', { messages, ...more }));

const system = (content: string, name?: string): Message => ({
  role: 'system',
  content,
  ...(name === undefined ? {} : { name }),
});

const weather: ToolDefinition = {
  name: 'get_current_weather',
  description: 'Get the current weather in a given location',
  parameters: {
    type: 'object',
    properties: {
      location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
      unit: {
        type: 'string',
        description: 'The unit of temperature to return',
        enum: ['celsius', 'fahrenheit'],
      },
    },
    required: ['location'],
  },
};

describe('the estimate of a prompt', () => {
  // What OpenAI's API has counted (its cookbook, "How to count tokens").
  test.each<[number, number]>([
    [
      129,
      asked([
        system(
          'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
        ),
        system('New synergies will help drive top-line growth.', 'example_user'),
        system('Things working well together will increase revenue.', 'example_assistant'),
        system(
          "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
          'example_user',
        ),
        system("Let's talk later when we're less busy about how to do better.", 'example_assistant'),
        said("This late pivot means we don't have time to boil the ocean for the client deliverable."),
      ]),
    ],
    [
      101,
      asked(
        [
          system('You are a helpful assistant that can answer to questions about the weather.'),
          said("What's the weather like in Pittsburgh?"),
        ],
        { tools: [weather] },
      ),
    ],
    [8, asked([said('hi')])],
  ])('is within 40 % of the %d tokens that were counted', (counted, estimated) => {
    expect(estimated).toBeGreaterThan(counted * 0.6);
    expect(estimated).toBeLessThan(counted * 1.4);
  });

  test('counts tools, their older form, calls, the schema of the answer, names and images', () => {
    const messages = [said('hi')];
    const bare = asked(messages);
    const schema = weather.parameters ?? null;
    const call = { id: 'c', name: 'get_current_weather', arguments: '{"location":"Paris"}' };
    const more = [
      asked(messages, { tools: [weather] }),
      asked(messages, { rest: { functions: [{ name: 'f', parameters: schema }] } }),
      asked(messages, { responseFormat: { type: 'json_schema', name: 's', schema } }),
      asked(messages, { responseFormat: { type: 'json_object', schema } }),
      asked([...messages, { role: 'assistant', content: null, toolCalls: [call] }]),
      asked([said('hi', { name: 'ann' })]),
      asked([{ role: 'user', content: [{ type: 'image', url: 'https://h/i.png', detail: 'low' }] }]),
    ];
    for (const estimate of more) expect(estimate).toBeGreaterThan(bare);
    expect(more[0]).toBeGreaterThan(bare + 50);
    expect(
      asked([{ role: 'user', content: [{ type: 'file', file: { file_data: 'x'.repeat(5_000) } }] }]),
    ).toBe(asked([said('')]) + 101);
  });

  test('is heavier beyond ASCII', () => {
    const [latin, cyrillic, chinese] = ['a', 'ж', '中'].map((letter) => asked([said(letter.repeat(1_000))]));
    expect(latin).toBe(257);
    expect(cyrillic).toBe(591);
    expect(chinese).toBe(924);
  });

  test('is never zero, and never less for a longer request', () => {
    // Also halves of surrogate pairs.
    const halves = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units));
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), halves);
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 4 }), (one, more, others) => {
        const messages = others.map((content) => said(content));
        const short = asked([...messages, said(one)]);
        expect(short).toBeGreaterThan(0);
        expect(asked([...messages, said(one + more)])).toBeGreaterThanOrEqual(short);
        expect(asked([...messages, said(one), said(more)])).toBeGreaterThan(short);
        const tools = [{ name: one, description: more }];
        expect(asked([...messages, said(one)], { tools })).toBeGreaterThan(short);
      }),
    );
  });
});
