import type { Dice } from './dice.ts';
import { mutateJson } from './mutate-json.ts';

/** The models of the campaign's server; each leads to another kind of target. */
export const fuzzModels = {
  openai: 'fuzz/openai',
  anthropic: 'fuzz/anthropic',
  gemini: 'fuzz/gemini',
  scripted: 'fuzz/scripted',
  /** Two hostile targets that take over from each other, and are started beside each other. */
  pair: 'fuzz/pair',
  engine: 'random',
} as const;

/** A valid request with a random choice of fields. */
export function goodRequest(dice: Dice, mark: string, model: string): Record<string, unknown> {
  const request: Record<string, unknown> = {
    model,
    messages: [
      ...(dice.oneIn(3) ? [{ role: 'system', content: 'Be brief.' }] : []),
      ...(dice.oneIn(4) ? history(dice) : []),
      { role: 'user', content: dice.oneIn(4) ? [{ type: 'text', text: mark }] : `Tell me of ${mark} now.` },
    ],
    stream: !dice.oneIn(3),
    max_tokens: 12,
  };
  if (dice.oneIn(4)) request['tools'] = [tool(dice, 'look_up'), tool(dice, 'write')];
  if (dice.oneIn(8)) request['response_format'] = { type: 'json_object' };
  if (dice.oneIn(8)) {
    request['response_format'] = {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: schema(dice) },
    };
  }
  if (dice.oneIn(8)) request['temperature'] = dice.pick([0, 0.5, 1.0, 2]);
  if (dice.oneIn(8)) request['stop'] = dice.pick(['x', ['a', 'b']]);
  if (dice.oneIn(12)) request['logprobs'] = true;
  if (dice.oneIn(12)) request['metadata'] = { a: 'b' };
  return request;
}

function history(dice: Dice): readonly unknown[] {
  return [
    { role: 'user', content: 'Look it up.' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: {
            name: 'look_up',
            arguments: dice.pick(['{}', '{"id":12345678901234567890}', 'torn {']),
          },
        },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'Found.' },
  ];
}

function tool(dice: Dice, name: string): unknown {
  return { type: 'function', function: { name, description: 'Does it.', parameters: schema(dice) } };
}

/** Ordinary schemas, and schemas made to keep a thread busy. */
function schema(dice: Dice): unknown {
  return dice.pick<unknown>([
    { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false },
    { type: 'object', properties: { path: { type: 'string' }, text: { type: 'string' } } },
    { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
    {
      type: 'object',
      properties: { a: { type: 'string', pattern: `^(${'a?'.repeat(40)}${'a'.repeat(40)})$` } },
    },
    {
      $defs: { t: { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#/$defs/t' } }] } },
      $ref: '#/$defs/t',
    },
    {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: 1 + dice.size(200) }, (_, at) => [
          `p${at}`,
          { type: 'string', maxLength: 1 + dice.size(500) },
        ]),
      ),
    },
    { type: 'array', minItems: dice.size(100), maxItems: 100 + dice.size(10_000), items: { type: 'string' } },
    { oneOf: Array.from({ length: 1 + dice.size(30) }, (_, at) => ({ const: at })) },
  ]);
}

/** Bodies that are large, deep or wide, within `max_body`. */
const shapes: readonly ((dice: Dice, bytes: number) => string)[] = [
  (_dice, bytes) => `{"model":"fuzz/scripted","messages":[],"x":[${'0,'.repeat(bytes / 2)}0]}`,
  (_dice, bytes) => `{"model":"fuzz/scripted","messages":[],"x":[${'{},'.repeat(bytes / 3)}0]}`,
  (_dice, bytes) =>
    `{"model":"fuzz/scripted","messages":[${'{"role":"user","content":"a"},'.repeat(bytes / 30)}0]}`,
  (_dice, bytes) => '['.repeat(bytes),
  (_dice, bytes) => `${'{"a":'.repeat(bytes / 5)}1`,
  (_dice, bytes) =>
    `{"model":"fuzz/scripted","messages":[{"role":"user","content":"${'\\u0041'.repeat(bytes / 6)}"}]}`,
  (_dice, bytes) =>
    `{"model":"fuzz/openai","messages":[{"role":"user","content":"${'\u{1f30a}'.repeat(bytes / 4)}"}]}`,
  (_dice, bytes) => `{"model":"fuzz/openai","messages":[{"role":"user","content":"${'a'.repeat(bytes)}"}]}`,
  (_dice, bytes) => `{"model":"fuzz/scripted","messages":[],"seed":${'9'.repeat(bytes)}}`,
  (_dice, bytes) => `{${Array.from({ length: bytes / 20 }, (_, at) => `"unknown_${at}":${at}.0`).join(',')}}`,
  (_dice, bytes) =>
    `{"model":"fuzz/openai","messages":[{"role":"user","content":"a"}],${Array.from({ length: bytes / 20 }, (_, at) => `"temperatur${at}":1`).join(',')}}`,
  (_dice, bytes) => ' '.repeat(bytes),
  (_dice, bytes) =>
    `{"model":"fuzz/openai","messages":[{"role":"user","content":"a"}],${'"x":"",'.repeat(bytes / 100)}"x":"${'a'.repeat(bytes * 0.9)}"}`,
  (_dice, bytes) =>
    `{"model":"fuzz/openai","messages":[{"role":"user","content":"a"}],"x":[${Array.from({ length: bytes / 250 }, (_, at) => `{"k${at}": [1.0]}`).join(', ')}, "${'a'.repeat(bytes * 0.9)}€"]}`,
  (dice, bytes) => `{"${dice.text(1_000, 'ab')}":1,"model":"${'m'.repeat(bytes)}"}`,
  (_dice, bytes) =>
    `{"model":"fuzz/scripted","messages":[{"role":"user","content":[${'{"type":"text","text":"a"},'.repeat(bytes / 28)}{"type":"text","text":"b"}]}]}`,
  (_dice, bytes) =>
    `{"model":"fuzz/scripted","messages":[{"role":"user","content":[${'{"type":"image_url","image_url":{"url":"a"}},'.repeat(bytes / 46)}{"type":"text","text":"b"}]}]}`,
  (_dice, bytes) =>
    `{"model":"fuzz/anthropic","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"b","arguments":"${'['.repeat(bytes)}"}}]},{"role":"tool","tool_call_id":"a","content":"c"}]}`,
];

/** The most that a body may have, by default. */
const maxBodyBytes = 10 * 1024 * 1024;

const otherModels = Object.values(fuzzModels).filter((model) => model !== fuzzModels.engine);

export function requestBody(dice: Dice, mark: string): Buffer {
  if (dice.oneIn(40)) {
    // Most of these are small, so that a campaign of minutes is not one of megabytes only.
    const bytes = dice.oneIn(6) ? maxBodyBytes - 1_000 : dice.int(10_000, 1_000_000);
    return Buffer.from(dice.pick(shapes)(dice, Math.floor(bytes)));
  }
  const model = dice.oneIn(12) ? fuzzModels.engine : dice.pick(otherModels);
  let request: unknown = goodRequest(dice, mark, model);
  for (let change = dice.int(0, 3); change > 0; change -= 1) request = mutateJson(dice, request);
  const text = JSON.stringify(request) ?? '';
  return Buffer.from(dice.oneIn(10) ? text.slice(0, dice.int(0, text.length)) : text);
}
