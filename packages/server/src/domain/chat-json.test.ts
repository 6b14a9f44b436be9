import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf } from '../testing/suite-part.ts';
import { decodeChatRequest } from '../wire/chat/decode-request.ts';
import { knownMembers } from '../wire/chat/known-members.ts';
import { parseJsonBody } from '../wire/json-body.ts';
import { chatJson } from './chat-json.ts';
import { writeMarked } from './exact-json.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Decodes a body to a request and writes that as a body again. */
function writtenAgain(body: string): string {
  const parsed = parseJsonBody(Buffer.from(body), knownMembers);
  const decoded = parsed.ok ? decodeChatRequest(parsed.value) : parsed;
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return writeMarked(chatJson(decoded.value.request));
}

/** Any JSON, also with unusual spellings of numbers. */
const rest: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.dictionary(fc.constantFrom('x', 'cache_control', '__proto__', 'toString', '7'), anyValue(), {
    maxKeys: 3,
  }),
);
/** A name that is one backslash is refused (`parseForeignJson`). */
function anyValue(): fc.Arbitrary<JsonValue> {
  const value = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>;
  return value.filter((made) => !JSON.stringify(made).includes('"\\\\":'));
}
const word = fc.constantFrom('a', 'naïve 東京', '', '"quoted"', '😀');
const name = fc.constantFrom('f', 'get_weather', 'f-2');

/** An object of these members, with some of the optional ones, and unknown ones after them. */
function open(
  needed: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<JsonObject> {
  const members = fc.record({ ...needed, ...optional }, { requiredKeys: Object.keys(needed) });
  // All values of the record are JSON; spread, because a member may be called `__proto__`.
  return fc.tuple(members, rest).map(([named, more]) => ({ ...named, ...more }) as JsonObject);
}

const schema = fc.constantFrom({}, { type: 'object' }, { type: 'object', properties: { a: { const: 1 } } });
const part = fc.oneof(
  open({ type: fc.constant('text'), text: word }),
  open({ type: fc.constant('refusal'), refusal: word }),
  open({ type: fc.constant('image_url'), image_url: open({ url: word }, { detail: word }) }),
  open({ type: fc.constant('input_audio'), input_audio: open({ data: word, format: word }) }),
  open({ type: fc.constant('file'), file: rest }),
);
const content = fc.oneof(word, fc.array(part, { minLength: 1, maxLength: 3 }));
const extra = fc.constant({ google: { thought_signature: 's' } });
const call = open(
  { id: word, type: fc.constant('function'), function: open({ name, arguments: word }) },
  { extra_content: extra },
);
const message = fc.oneof(
  open({ role: fc.constantFrom('system', 'developer', 'user'), content }, { name: word }),
  open({ role: fc.constant('tool'), tool_call_id: word, content }, { name: word }),
  open(
    { role: fc.constant('assistant'), content: fc.oneof(content, fc.constant(null)) },
    {
      refusal: word,
      name: word,
      reasoning_content: word,
      tool_calls: fc.array(call, { minLength: 1, maxLength: 2 }),
      extra_content: extra,
    },
  ),
);
const tool = open(
  {
    type: fc.constant('function'),
    function: open(
      { name: fc.constant('f') },
      { description: word, parameters: schema, strict: fc.boolean() },
    ),
  },
  {},
);
const body = open(
  { model: fc.constant('m'), messages: fc.array(message, { minLength: 1, maxLength: 4 }) },
  {
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.constantFrom(0.1, 1),
    stop: fc.array(fc.constantFrom('x', 'yz'), { minLength: 1, maxLength: 4 }),
    seed: fc.nat(),
    n: fc.integer({ min: 2, max: 5 }),
    presence_penalty: fc.constantFrom(-2, 0, 1.5),
    frequency_penalty: fc.constantFrom(-2, 0, 1.5),
    logit_bias: fc.constantFrom({ 5: 1 }, { 5: -1.5, 9: 0 }),
    response_format: fc.oneof(
      open({ type: fc.constant('json_object') }, { schema }),
      open({ type: fc.constant('text'), x: fc.constant(1) }),
      open({
        type: fc.constant('json_schema'),
        json_schema: open({ name }, { schema, description: word, strict: fc.boolean() }),
      }),
    ),
    reasoning_effort: fc.constantFrom('low', 'none'),
    user: word,
    metadata: fc.constant({ a: 'b' }),
    store: fc.boolean(),
    prediction: open({ type: fc.constant('content') }),
    audio: open({ voice: word }),
  },
);
const limit = fc.constantFrom({}, { max_tokens: 5 }, { max_completion_tokens: 7 });
const probabilities = fc.constantFrom({}, { logprobs: true }, { logprobs: true, top_logprobs: 0 });
const tools = fc.oneof(
  fc.constant({}),
  fc.record(
    {
      tools: fc.tuple(tool),
      tool_choice: fc.oneof(
        fc.constantFrom('auto', 'none', 'required'),
        open({ type: fc.constant('function'), function: open({ name: fc.constant('f') }) }),
      ),
      parallel_tool_calls: fc.boolean(),
    },
    { requiredKeys: ['tools'] },
  ),
);
const streaming = fc.constantFrom({}, { stream: true }, { stream: true, stream_options: { x: 1 } });
const request = fc
  .tuple(body, limit, probabilities, tools, streaming)
  .map(([asked, ...more]) => Object.assign({ ...asked }, ...more) as JsonObject);

describe('a decoded request', () => {
  test('is written as a body with the same members', () => {
    fc.assert(
      fc.property(request, (given) => {
        const text = JSON.stringify(given);
        expect(JSON.parse(writtenAgain(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: roundsOf(1_000, 300) },
    );
  });

  test('is written without members that have their default value', () => {
    const nothing = {
      n: 1,
      logprobs: false,
      logit_bias: { 5: 0 },
      tools: [],
      tool_choice: 'none',
      response_format: { type: 'text' },
      stop: [],
      stream: false,
      seed: null,
      user: null,
    };
    const given = { model: 'm', messages: [{ role: 'user', content: 'x', name: null }] };
    const expected = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
    expect(JSON.parse(writtenAgain(JSON.stringify({ ...given, ...nothing })))).toEqual(expected);
  });

  test('uses the client’s name of the token limit, and of two limits the newer one', () => {
    const of = (limits: string) =>
      writtenAgain(`{"model":"m","messages":[{"role":"user","content":"x"}],${limits}}`);
    expect(of('"max_tokens":5')).toContain('"max_tokens":5');
    expect(of('"max_completion_tokens":5')).toContain('"max_completion_tokens":5');
    expect(of('"max_tokens":5,"max_completion_tokens":7')).toMatch(
      /(?<!"max_tokens":5.*)"max_completion_tokens":7/,
    );
  });

  test('keeps members of a message that belong to another role, and those that are not interpreted', () => {
    const messages = [
      { role: 'user', content: 'x', tool_calls: [], refusal: 'r' },
      { role: 'assistant', content: 'y', audio: { id: 'a' }, function_call: { name: 'f', arguments: '' } },
    ];
    const given = { model: 'm', messages };
    expect(JSON.parse(writtenAgain(JSON.stringify(given)))).toEqual(given);
  });

  test('keeps members of a part that belong to another kind of part, and those of a whole tool in tool_choice', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'x' }, text: 'caption' },
      { type: 'text', text: 'x', file: { id: 1 }, refusal: 'r' },
    ];
    const tool = {
      type: 'function',
      function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
    };
    const given = { model: 'm', messages: [{ role: 'user', content }], tools: [tool], tool_choice: tool };
    expect(JSON.parse(writtenAgain(JSON.stringify(given)))).toEqual(given);
  });
});
