import fc from 'fast-check';

/**
 * Every field of a chat request as the contract knows it: values that must be accepted, and values that must
 * be refused with the code and, below the field's own name, the path at fault. Written from the contract, not
 * from the decoder.
 */
export interface Field {
  readonly name: string;
  readonly valid: fc.Arbitrary<unknown>;
  readonly invalid: fc.Arbitrary<Fault>;
  /** Fields without which this one makes no sense. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

export interface Fault {
  readonly value: unknown;
  readonly code: 'invalid_type' | 'invalid_value' | 'missing_parameter' | 'unsupported_parameter' | 'any';
  /** What follows the field's name in `param`: '', '[0]', '.name'. */
  readonly below: string;
}

const fault = (code: Fault['code'], values: fc.Arbitrary<unknown>, below = ''): fc.Arbitrary<Fault> =>
  values.map((value) => ({ value, code, below }));

const kinds = {
  string: fc.string({ maxLength: 20 }),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }),
  boolean: fc.boolean(),
  array: fc.array(fc.integer(), { maxLength: 3 }),
  object: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.integer(), { maxKeys: 3 }),
};
type Kind = keyof typeof kinds;

/** A value of any kind but these; never null, which means absent. */
const otherThan = (...allowed: readonly Kind[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    ...(Object.keys(kinds) as Kind[]).filter((kind) => !allowed.includes(kind)).map((kind) => kinds[kind]),
  );
const wrongType = (...allowed: readonly Kind[]) => fault('invalid_type', otherThan(...allowed));
const outside = (...values: readonly unknown[]) => fault('invalid_value', fc.constantFrom(...values));

const numberField = (name: string, min: number, max: number): Field => ({
  name,
  valid: fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(min, max, (min + max) / 2)),
  invalid: fc.oneof(wrongType('number'), outside(min - 0.001, max + 0.001, 1e300, -1e300)),
});

const integerField = (name: string, min: number, max: number, tooLarge: number): Field => ({
  name,
  valid: fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max)),
  invalid: fc.oneof(
    wrongType('number'),
    fault('invalid_type', fc.constantFrom(min + 0.5, 1e-7)),
    outside(min - 1, tooLarge, -1e300),
  ),
});

const booleanField = (name: string): Field => ({ name, valid: fc.boolean(), invalid: wrongType('boolean') });

const advice = (name: string): Field => ({
  name,
  valid: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
  invalid: wrongType('string'),
});

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const part = text.map((value) => ({ type: 'text', text: value }));
const content = fc.oneof(text, fc.array(part, { minLength: 1, maxLength: 3 }));
const call = fc.record({
  id: fc.constantFrom('call_1', 'call_2'),
  type: fc.constant('function'),
  function: fc.record({
    name: fc.constantFrom('f', 'get_weather'),
    arguments: fc.constantFrom('{}', '{"a":1}'),
  }),
});
const asReturned = {
  refusal: fc.constant(null),
  annotations: fc.constantFrom([], null),
  audio: fc.constant(null),
  function_call: fc.constant(null),
  reasoning_content: text,
  extra_content: fc.constantFrom({}, { google: { thought_signature: 'x' } }),
};
const message = fc.oneof(
  fc.record({ role: fc.constantFrom('system', 'developer', 'user'), content }),
  fc.record({ role: fc.constantFrom('user'), content, name: fc.constant('ada') }),
  fc.record(
    { role: fc.constant('assistant'), content: text, ...asReturned },
    { requiredKeys: ['role', 'content'] },
  ),
  fc.record({ role: fc.constant('assistant'), content: fc.constant(null), tool_calls: fc.tuple(call) }),
  fc.record({ role: fc.constant('tool'), tool_call_id: fc.constant('call_1'), content }),
);
const user = { role: 'user', content: 'Hello.' };

const tool = fc.record(
  {
    type: fc.constant('function'),
    function: fc.record(
      {
        name: fc.constantFrom('f', 'get_weather'),
        description: text,
        parameters: fc.constantFrom({}, { type: 'object', properties: { a: { type: 'string' } } }),
      },
      { requiredKeys: ['name'] },
    ),
  },
  { noNullPrototype: true },
);

export const fields: readonly Field[] = [
  {
    name: 'messages',
    valid: fc.array(message, { minLength: 1, maxLength: 4 }),
    invalid: fc.oneof(
      fault('invalid_value', fc.constant([])),
      wrongType('array'),
      fault('missing_parameter', fc.constant(null)),
      fault(
        'invalid_type',
        otherThan('object').map((value) => [user, value]),
        '[1]',
      ),
      fault('missing_parameter', fc.constant([user, { role: 'user' }]), '[1].content'),
      fault('missing_parameter', fc.constant([user, { role: 'user', content: null }]), '[1].content'),
      fault('missing_parameter', fc.constant([{ content: 'x' }]), '[0].role'),
      fault('invalid_value', fc.constant([{ role: 'robot', content: 'x' }]), '[0].role'),
      fault('invalid_type', fc.constant([user, user, { role: 'user', content: 5 }]), '[2].content'),
      fault('invalid_type', fc.constant([{ role: 'user', content: ['x'] }]), '[0].content[0]'),
      fault(
        'missing_parameter',
        fc.constant([{ role: 'user', content: [{ type: 'text' }] }]),
        '[0].content[0].text',
      ),
      fault('missing_parameter', fc.constant([user, { role: 'tool', content: 'x' }]), '[1].tool_call_id'),
      fault('invalid_type', fc.constant([user, { role: 'assistant', tool_calls: {} }]), '[1].tool_calls'),
    ),
  },
  booleanField('stream'),
  {
    name: 'stream_options',
    beside: { stream: true },
    valid: fc.constantFrom({}, { include_usage: true }, { include_usage: false }),
    invalid: fc.oneof(
      wrongType('object'),
      fault('invalid_type', fc.constant({ include_usage: 'yes' }), '.include_usage'),
    ),
  },
  numberField('temperature', 0, 2),
  numberField('top_p', 0, 1),
  integerField('max_tokens', 1, 4096, 1e300),
  integerField('max_completion_tokens', 1, 4096, 1e300),
  {
    name: 'stop',
    valid: fc.oneof(fc.string({ maxLength: 10 }), fc.array(fc.string({ maxLength: 10 }), { maxLength: 8 })),
    invalid: fc.oneof(
      wrongType('string', 'array'),
      fault('invalid_value', fc.constant(Array.from({ length: 257 }, String))),
      fault('invalid_type', fc.constant(['a', 5]), '[1]'),
    ),
  },
  {
    name: 'seed',
    valid: fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 53, 2 ** 62, -(2 ** 62))),
    invalid: fc.oneof(wrongType('number'), fault('invalid_type', fc.constant(1.5)), outside(1e300)),
  },
  { name: 'n', valid: fc.constant(1), invalid: integerField('n', 1, 1, 1e9).invalid },
  numberField('presence_penalty', -2, 2),
  numberField('frequency_penalty', -2, 2),
  {
    name: 'logit_bias',
    valid: fc.dictionary(fc.nat(50_000).map(String), fc.double({ min: -100, max: 100, noNaN: true }), {
      maxKeys: 5,
    }),
    invalid: fc.oneof(
      wrongType('object'),
      fault('invalid_value', fc.constantFrom({ 5: 101 }, { 5: -100.5 }), '.5'),
      fault('invalid_type', fc.constant({ 5: 'much' }), '.5'),
      fault('invalid_value', fc.constantFrom({ word: 1 }), '.word'),
    ),
  },
  booleanField('logprobs'),
  {
    name: 'top_logprobs',
    beside: { logprobs: true },
    valid: fc.integer({ min: 0, max: 20 }),
    invalid: integerField('top_logprobs', 0, 20, 21).invalid,
  },
  {
    name: 'response_format',
    valid: fc.constantFrom(
      { type: 'text' },
      { type: 'json_object' },
      { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
    ),
    invalid: fc.oneof(
      wrongType('object'),
      fault('missing_parameter', fc.constant({}), '.type'),
      fault('any', fc.constant({ type: 'xml' }), '.type'),
      fault('missing_parameter', fc.constant({ type: 'json_schema' }), '.json_schema'),
    ),
  },
  {
    name: 'tools',
    valid: fc.uniqueArray(tool, { maxLength: 2, selector: (value) => value.function?.name }),
    invalid: fc.oneof(
      wrongType('array'),
      fault(
        'invalid_type',
        otherThan('object').map((value) => [value]),
        '[0]',
      ),
      fault('missing_parameter', fc.constant([{ type: 'function', function: {} }]), '[0].function.name'),
      fault('invalid_type', fc.constant([{ type: 'function', function: { name: 5 } }]), '[0].function.name'),
    ),
  },
  {
    name: 'tool_choice',
    valid: fc.constantFrom('none', 'auto'),
    invalid: fc.oneof(
      fault('invalid_type', fc.oneof(kinds.number, kinds.boolean)),
      fault('invalid_value', fc.constantFrom('perhaps', '')),
      // Without tools there is nothing to choose from.
      fault('any', fc.constantFrom('required', { type: 'function', function: { name: 'f' } })),
    ),
  },
  booleanField('parallel_tool_calls'),
  advice('reasoning_effort'),
  advice('verbosity'),
  advice('user'),
  advice('safety_identifier'),
  advice('service_tier'),
  advice('prompt_cache_key'),
  booleanField('store'),
  {
    name: 'metadata',
    valid: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 }), {
      maxKeys: 3,
    }),
    invalid: wrongType('object'),
  },
];

/** A whole valid request: some fields, and what they need beside them. */
export const validRequest: fc.Arbitrary<Record<string, unknown>> = fc
  .subarray([...fields])
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((field) => field.valid.map((value) => ({ [field.name]: value, ...field.beside }))),
    ),
  )
  .map((parts) => ({ messages: [user], ...Object.assign({}, ...parts) }))
  // `stream` may have been drawn false beside options that need it.
  .map((request) => ('stream_options' in request ? { ...request, stream: true } : request))
  .map((request) => ('top_logprobs' in request ? { ...request, logprobs: true } : request));

export interface BrokenRequest {
  readonly request: Readonly<Record<string, unknown>>;
  readonly field: string;
  readonly fault: Fault;
}

/** A valid request with exactly one field broken. */
export const brokenRequest: fc.Arbitrary<BrokenRequest> = fc
  .tuple(validRequest, fc.constantFrom(...fields))
  .chain(([request, field]) =>
    field.invalid.map((found) => ({
      // Tools would make `required` sensible.
      request: {
        ...request,
        ...(field.name === 'tool_choice' ? { tools: [] } : {}),
        ...field.beside,
        [field.name]: found.value,
      },
      field: field.name,
      fault: found,
    })),
  );
