/* What the probes ask. The texts are short: a check costs its user money. */

export function user(content: unknown): readonly object[] {
  return [{ role: 'user', content }];
}

/** The same in several probes, so that their answers can be compared. */
export const river = user('Write three sentences about a river.');
export const longStory = user('Write a very long story about a river. Do not stop early.');

export const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    // An enumeration: the arguments are short even where the model is small.
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', enum: ['Oslo', 'Paris'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
} as const;

export const weatherRequest = {
  messages: user('What is the weather in Oslo?'),
  tools: [weatherTool],
  tool_choice: { type: 'function', function: { name: weatherTool.function.name } },
} as const;

export const placeSchema = {
  type: 'object',
  properties: { city: { type: 'string', enum: ['Oslo', 'Paris'] }, large: { type: 'boolean' } },
  required: ['city', 'large'],
  additionalProperties: false,
} as const;

/** A conversation as an SDK hands it back after a call: `content` is null beside it. */
export const afterCall = {
  messages: [
    ...user('What is the weather in Oslo?'),
    {
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'Sunny, 21 degrees.' },
  ],
  tools: [weatherTool],
} as const;

/** Each asks for nothing; LangChain and chat pages send them. */
export const neutralValues = {
  n: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  logprobs: false,
  logit_bias: {},
  stop: null,
  tools: [],
  response_format: { type: 'text' },
  user: 'tailrace-check',
} as const;

/** Two to four bytes a character. */
export const manyScripts = user('Repeat this line exactly: Grüße 😀 東京 → Łódź 🌊 ελάφι');
