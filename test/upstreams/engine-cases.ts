import type { Fields } from './answer.ts';

/** The requests to every real engine, directly and through the gateway. */
export const forecast = {
  type: 'function',
  function: {
    name: 'forecast',
    description: 'The weather of the next days.',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: ['Köln', 'Bonn'] },
        days: { type: 'integer', minimum: 1, maximum: 3 },
      },
      required: ['city', 'days'],
    },
  },
};

/** Turns of a chat with calls in them: the small model then makes a call too. */
const turns = [
  ['Bonn', 1],
  ['Köln', 3],
  ['Bonn', 2],
].flatMap(([city, days], at) => [
  { role: 'user', content: `Weather in ${city}, ${days} days?` },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: `call_${at}`,
        type: 'function',
        function: { name: 'forecast', arguments: JSON.stringify({ city, days }) },
      },
    ],
  },
  { role: 'tool', tool_call_id: `call_${at}`, content: 'sunny' },
  { role: 'assistant', content: 'Sunny.' },
]);

export const user = (content: string) => [{ role: 'user', content }];
const plain = { temperature: 0, max_tokens: 40 };

/** Answers that begin with a thought, so that the model continues in the same way. */
const thoughts = [
  ['river', 'a river is long', 'Long.'],
  ['mill', 'a mill is loud', 'Loud.'],
  ['stone', 'a stone is hard', 'Hard.'],
].flatMap(([thing, thought, answer]) => [
  { role: 'user', content: `How is a ${thing}?` },
  { role: 'assistant', content: `<think>\n${thought}\n</think>\n${answer}` },
]);

/** Long enough to be broken off in the middle. */
export const story: Fields = {
  temperature: 0,
  max_tokens: 300,
  messages: user('Write a very long story about a river.'),
};

export const cases = {
  'a sentence': { ...plain, messages: user('Say hello to the miller in one sentence.') },
  'characters of several bytes': {
    ...plain,
    messages: user('Repeat: größe, naïve, 😀, "quoted"\nand more.'),
  },
  'a stop string': { ...plain, messages: user('Count from one to ten in words.'), stop: ['four', 'zzz'] },
  'an end by max_tokens': { ...plain, max_tokens: 7, messages: user('Tell me of a mill.') },
  'a seed': { ...plain, temperature: 0.9, seed: 11, messages: user('Tell me of a mill.') },
  'turns of a chat': {
    ...plain,
    messages: [
      { role: 'system', content: 'You are a miller. Answer in short sentences.' },
      ...user('Who are you?'),
      { role: 'assistant', content: 'A miller.' },
      ...user('And what do you do all day?'),
    ],
  },
  'a JSON object': {
    ...plain,
    max_tokens: 80,
    messages: user('A river and its length, as JSON with the keys "name" and "km".'),
    response_format: { type: 'json_object' },
  },
  'a schema': {
    ...plain,
    messages: user('Name a river and its length in kilometres.'),
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'river',
        schema: {
          type: 'object',
          properties: { name: { type: 'string', maxLength: 12 }, km: { type: 'integer' } },
          required: ['name', 'km'],
          additionalProperties: false,
        },
      },
    },
  },
  'a tool call': {
    ...plain,
    max_tokens: 80,
    messages: [...turns, ...user('Weather in Köln, 2 days?')],
    tools: [forecast],
  },
  thoughts: { ...plain, model: 'thinking', messages: [...thoughts, ...user('How is a river?')] },
  'a call by name': {
    ...plain,
    max_tokens: 80,
    messages: user('Weather in Bonn tomorrow?'),
    tools: [forecast],
    tool_choice: { type: 'function', function: { name: 'forecast' } },
  },
  'two choices': { ...plain, temperature: 0.9, seed: 11, n: 2, messages: user('Name a river.') },
} satisfies Record<string, Fields>;

export type CaseName = keyof typeof cases;
