import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { roundsOf, seedOf } from '../../packages/server/src/testing/suite-part.ts';
import { decodeChatRequest } from '../../packages/server/src/wire/chat/decode-request.ts';
import { chatBounds } from '../../packages/server/src/wire/chat/plain-fields.ts';
import { ref } from './schema.ts';
import { mutate } from './testing/mutations.ts';
import { validatorOf } from './testing/validate.ts';

const tool = {
  type: 'function',
  function: { name: 'f', description: 'd', strict: true, parameters: { type: 'object' } },
};

/** Valid requests that together have every field. */
const requests: readonly JsonValue[] = [
  {
    model: 'default',
    messages: [
      { role: 'system', content: 'Be brief.', name: 's' },
      { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
      {
        role: 'assistant',
        content: null,
        refusal: null,
        reasoning_content: 'hm',
        annotations: [],
        audio: null,
      },
      {
        role: 'assistant',
        tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', content: 'done', tool_call_id: '1' },
    ],
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
    temperature: 1,
    top_p: 0.5,
    max_tokens: 10,
    max_completion_tokens: -1,
    stop: ['a', 'b'],
    seed: 1,
    n: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: { '1': 5 },
    logprobs: true,
    top_logprobs: 2,
  },
  {
    model: 'default',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://a/b', detail: 'low' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
          { type: 'file', file: { file_id: '1' } },
          { type: 'refusal', refusal: 'No.' },
        ],
      },
      { role: 'developer', content: 'x' },
      { role: 'assistant', refusal: 'No.', extra_content: {}, function_call: { name: 'f' } },
    ],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'a', strict: true, schema: { type: 'object' } },
    },
    tools: [tool],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: true,
    reasoning_effort: 'low',
    verbosity: 'low',
    user: 'u',
    safety_identifier: 's',
    metadata: { a: 'b' },
    store: false,
    service_tier: 'auto',
    prompt_cache_key: 'k',
    prediction: {},
    modalities: ['text'],
    audio: {},
    web_search_options: {},
    functions: [{}],
    function_call: 'auto',
    something_else: 1,
  },
  {
    model: 'default',
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'The answer' },
    ],
    continue_final_message: true,
    add_generation_prompt: false,
    stop: 'x',
    tool_choice: 'auto',
    function_call: {},
    response_format: { type: 'text' },
  },
  {
    model: 'default',
    messages: [{ role: 'user', content: 'x' }],
    response_format: { type: 'json_object', schema: true },
  },
];

/** Values of every type, and those beside each bound. */
const others: readonly JsonValue[] = [
  ...[null, true, false, {}, [], [null], [[]], '', 'text', 'f', 'a b', 'required', 'none', 'user', 'tool'],
  ...[
    -3,
    -2,
    -1.5,
    -1,
    -0.1,
    0,
    0.5,
    1,
    1.5,
    2,
    2.1,
    20,
    21,
    100,
    101,
    128,
    129,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 63,
    2 ** 64,
  ],
  ...['x'.repeat(64), 'x'.repeat(65), 'x'.repeat(1_024), 'x'.repeat(1_025), 'x'.repeat(4_097)],
  { type: 'function' },
  { type: 'text' },
  { '01': 1 },
  { '7': 101 },
  { a: 1 },
  { a: null },
  Array.from({ length: chatBounds.modalities + 1 }, () => 'text'),
  Array.from({ length: chatBounds.stops + 1 }, () => 'x'),
];

/** Rules between fields, which the schema has not: the field that is named, and whether the message is that of the rule. */
const between: readonly (readonly [RegExp, RegExp])[] = [
  [/^stream_options$/, /only allowed with/],
  [/^top_logprobs$/, /only allowed with/],
  [/^tool_choice/, /'tools'/],
  [/^tools\[\d+\]\.function\.name$/, /^Two tools are named/],
  [/^continue_final_message$/, /./],
];

const validate = validatorOf(ref('ChatCompletionRequest'));

function refusedBy(request: JsonValue): string | undefined {
  const decoded = decodeChatRequest(request);
  if (decoded.ok) return undefined;
  const { param = '', message, code } = decoded.failure;
  const isBetween = between.some(([field, words]) => field.test(param) && words.test(message));
  return isBetween ? undefined : `${code} ${param}`;
}

describe('the schema of a chat completion', () => {
  it('takes the valid requests', () => {
    for (const request of requests) {
      expect(validate(request) ? [] : validate.errors).toEqual([]);
      expect(refusedBy(request)).toBeUndefined();
    }
  });

  it('takes and refuses what the decoder takes and refuses, in requests that are changed at random', () => {
    const random = seededRandom(seedOf());
    let refused = 0;
    for (let round = 0; round < roundsOf(100_000, 3_000); round += 1) {
      const request = requests[round % requests.length] ?? null;
      const once = mutate(request, others, random);
      const changed = random() < 0.3 ? mutate(once, others, random) : once;
      const decoder = refusedBy(changed);
      // A mistake between fields is reported alone, also where another field is wrong.
      const schema = validate(changed);
      if (decoder === undefined && !schema && !decodeChatRequest(changed).ok) continue;
      expect({ changed, refused: !schema, by: schema ? decoder : validate.errors }).toMatchObject({
        refused: decoder !== undefined,
      });
      if (!schema) refused += 1;
    }
    // Else the changes would have no edge.
    expect(refused).toBeGreaterThan(300);
  });
});
