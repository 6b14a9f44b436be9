import { expect } from 'vitest';
import type { Answer } from '../completion.ts';
import {
  accepted,
  asAbsent,
  brief,
  type Effect,
  type Row,
  refused,
  refusedValues,
  sameAnswer,
} from './row.ts';

const ruled = { max_tokens: 400, logit_bias: brief };
const schema = {
  type: 'object',
  properties: { id: { type: 'integer', minimum: 1, maximum: 9 }, tag: { enum: ['a', 'b'] } },
  required: ['id', 'tag'],
};
const ofSchema = (given: unknown) => ({ type: 'json_schema', json_schema: { name: 's', schema: given } });
const refusedSchema = (given: string, wrong: unknown, code: string, below: string): Row =>
  refused(
    'response_format',
    'out of range',
    given,
    { response_format: ofSchema(wrong) },
    code,
    `response_format.json_schema.schema${below}`,
  );

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 8 }, unit: { enum: ['c', 'f'] } },
      required: ['city', 'unit'],
    },
  },
};
const now = { type: 'function', function: { name: 'now' } };
const tool = (definition: unknown) => ({ type: 'function', function: definition });
const tools = [weather, now];
const none = { tool_choice: 'none' };
const named = (name: string) => ({ type: 'function', function: { name } });
/** So many tools that their prompt is too long for any context: only their number is checked. */
const many = (count: number) => Array.from({ length: count }, (_, index) => tool({ name: `f${index}` }));

const json = (answer: Answer): unknown => JSON.parse(answer.choices[0]?.text ?? '');
const called: Effect = (answer) => {
  const [choice] = answer.choices;
  expect(choice?.finish).toBe('tool_calls');
  expect(choice?.text).toBe('');
  expect(choice?.calls.length).toBeGreaterThan(0);
  for (const call of choice?.calls ?? []) {
    expect(['get_weather', 'now']).toContain(call.name);
    if (call.name === 'now') expect(call.arguments).toBe('{}');
    else
      expect(JSON.parse(call.arguments)).toEqual({
        city: expect.any(String),
        unit: expect.stringMatching(/^[cf]$/),
      });
  }
};
const calledOnce =
  (name?: string): Effect =>
  async (answer, ask, fields) => {
    await called(answer, ask, fields);
    expect(answer.choices[0]?.calls.length).toBe(1);
    if (name !== undefined) expect(answer.choices[0]?.calls[0]?.name).toBe(name);
  };
/** Tools that may not be called leave no trace in the prompt. */
const asWithout: Effect = async (answer, ask) => sameAnswer(await ask({}), answer);
const toolsInPrompt: Effect = async (answer, ask) => {
  expect(answer.usage.prompt_tokens).toBeGreaterThan((await ask({})).usage.prompt_tokens);
};

export const outputRows: readonly Row[] = [
  accepted('response_format', 'valid', 'text', { response_format: { type: 'text' } }, asWithout),
  accepted(
    'response_format',
    'valid',
    'json_object',
    { ...ruled, response_format: { type: 'json_object' } },
    (answer) => {
      expect(answer.choices[0]?.finish).toBe('stop');
      expect(json(answer)).toEqual(expect.any(Object));
    },
  ),
  accepted(
    'response_format',
    'valid',
    'json_schema',
    { ...ruled, response_format: ofSchema(schema) },
    (answer) => {
      expect(answer.choices[0]?.finish).toBe('stop');
      expect(json(answer)).toEqual({ id: expect.any(Number), tag: expect.stringMatching(/^[ab]$/) });
    },
  ),
  accepted(
    'response_format',
    'valid',
    'json_object with a schema beside it',
    { ...ruled, response_format: { type: 'json_object', schema } },
    (answer) => {
      expect(answer.choices[0]?.finish).toBe('stop');
      expect(json(answer)).toEqual({ id: expect.any(Number), tag: expect.stringMatching(/^[ab]$/) });
    },
  ),
  refused(
    'response_format',
    'out of range',
    'json_object with a schema that cannot be enforced',
    { response_format: { type: 'json_object', schema: { if: {} } } },
    'unsupported_parameter',
    'response_format.schema.if',
  ),
  refused(
    'response_format',
    'out of range',
    'a schema beside text',
    { response_format: { type: 'text', schema } },
    'unsupported_parameter',
    'response_format.schema',
  ),
  accepted(
    'response_format',
    'valid',
    'json_schema, cut by max_tokens',
    { max_tokens: 3, response_format: ofSchema(schema) },
    (answer) => expect(answer.choices[0]?.finish).toBe('length'),
  ),
  accepted(
    'response_format',
    'valid',
    'beside tools that may be called',
    { ...ruled, response_format: ofSchema(schema), tools },
    (answer, ask, fields) => {
      if (answer.choices[0]?.finish === 'tool_calls') return called(answer, ask, fields);
      expect(answer.choices[0]?.finish).toBe('stop');
      expect(json(answer)).toEqual({ id: expect.any(Number), tag: expect.stringMatching(/^[ab]$/) });
    },
  ),
  accepted(
    'response_format',
    'boundary',
    'a constant',
    { response_format: ofSchema({ const: 7 }) },
    (answer) => {
      expect(json(answer)).toBe(7);
    },
  ),
  refusedSchema(
    'nothing satisfies it',
    { type: 'array', items: false, minItems: 1 },
    'invalid_value',
    '.items',
  ),
  refusedSchema('if', { properties: { a: { if: {} } } }, 'unsupported_parameter', '.properties.a.if'),
  refusedSchema('no such type', { type: 'text' }, 'invalid_value', '.type'),
  refused(
    'response_format',
    'out of range',
    'xml',
    { response_format: { type: 'xml' } },
    'invalid_value',
    'response_format.type',
  ),
  refused(
    'response_format',
    'out of range',
    'nothing in it',
    { response_format: {} },
    'missing_parameter',
    'response_format.type',
  ),
  refused(
    'response_format',
    'out of range',
    'json_schema without one',
    { response_format: { type: 'json_schema' } },
    'missing_parameter',
    'response_format.json_schema',
  ),
  refused(
    'response_format',
    'out of range',
    'beside stop',
    { response_format: { type: 'json_object' }, stop: 'x' },
    'unsupported_parameter',
    'stop',
  ),
  ...refusedValues('response_format', 'wrong type', ['json_object', 5, [], true]),
  refused(
    'response_format',
    'wrong type',
    'a schema that is a number',
    { response_format: ofSchema(5) },
    'invalid_type',
    'response_format.json_schema.schema',
  ),
  asAbsent('response_format'),

  accepted('tools', 'valid', 'two', { tools }, toolsInPrompt),
  accepted('tools', 'boundary', 'none', { tools: [] }, asWithout),
  accepted('tools', 'boundary', '222 that may not be called', { tools: many(222), ...none }, asWithout),
  accepted(
    'tools',
    'boundary',
    'a name of 1,024 letters',
    { tools: [tool({ name: 'f'.repeat(1024) })], ...none },
    asWithout,
  ),
  ...refusedValues('tools', 'out of range', [many(4097)]),
  ...['', 'f'.repeat(1025), 'with space'].map((name) =>
    refused(
      'tools',
      'out of range',
      `the name '${name.slice(0, 40)}'`,
      { tools: [tool({ name })] },
      'invalid_value',
      'tools[0].function.name',
    ),
  ),
  refused(
    'tools',
    'out of range',
    'a member that nobody knows',
    { tools: [{ type: 'function', function: { name: 'f', returns: { type: 'object' } } }] },
    'unsupported_parameter',
    'tools[0].function.returns',
  ),
  refused(
    'tools',
    'out of range',
    'the same name twice',
    { tools: [now, now] },
    'invalid_value',
    'tools[1].function.name',
  ),
  refused(
    'tools',
    'out of range',
    'no name',
    { tools: [tool({})] },
    'missing_parameter',
    'tools[0].function.name',
  ),
  refused(
    'tools',
    'out of range',
    'no function',
    { tools: [{ type: 'function' }] },
    'missing_parameter',
    'tools[0].function',
  ),
  refused(
    'tools',
    'out of range',
    'no type',
    { tools: [{ function: { name: 'f' } }] },
    'missing_parameter',
    'tools[0].type',
  ),
  refused(
    'tools',
    'out of range',
    'another type',
    { tools: [{ type: 'retrieval' }] },
    'unsupported_parameter',
    'tools[0].type',
  ),
  refused(
    'tools',
    'out of range',
    'a schema that cannot be enforced',
    { tools: [now, tool({ name: 'f', parameters: { properties: { a: { contains: {} } } } })] },
    'unsupported_parameter',
    'tools[1].function.parameters.properties.a.contains',
  ),
  ...refusedValues('tools', 'wrong type', [{}, 'f', 5]),
  refused('tools', 'wrong type', 'a list of names', { tools: ['f'] }, 'invalid_type', 'tools[0]'),
  refused(
    'tools',
    'wrong type',
    'a name that is a number',
    { tools: [tool({ name: 5 })] },
    'invalid_type',
    'tools[0].function.name',
  ),
  refused(
    'tools',
    'wrong type',
    'parameters that are text',
    { tools: [tool({ name: 'f', parameters: 'x' })] },
    'invalid_type',
    'tools[0].function.parameters',
  ),
  asAbsent('tools'),

  accepted('tool_choice', 'valid', 'auto', { tools, tool_choice: 'auto' }, toolsInPrompt),
  accepted('tool_choice', 'valid', 'none', { tools, tool_choice: 'none' }, asWithout),
  accepted('tool_choice', 'valid', 'required', { ...ruled, tools, tool_choice: 'required' }, called),
  accepted(
    'tool_choice',
    'valid',
    'a function',
    { ...ruled, tools, tool_choice: named('get_weather') },
    calledOnce('get_weather'),
  ),
  accepted(
    'tool_choice',
    'valid',
    'a function without parameters',
    { ...ruled, tools, tool_choice: named('now') },
    calledOnce('now'),
  ),
  accepted(
    'tool_choice',
    'valid',
    'required, beside a response_format that then rules nothing',
    { ...ruled, tools, tool_choice: 'required', response_format: { type: 'json_object' } },
    called,
  ),
  accepted('tool_choice', 'boundary', 'auto without tools', { tool_choice: 'auto' }, asWithout),
  accepted('tool_choice', 'boundary', 'none without tools', { tool_choice: 'none', tools: [] }, asWithout),
  ...refusedValues('tool_choice', 'out of range', ['perhaps', ''], { tools }),
  ...refusedValues('tool_choice', 'out of range', ['required', named('now')]),
  refused(
    'tool_choice',
    'out of range',
    'a function that is not there',
    { tools, tool_choice: named('later') },
    'invalid_value',
    'tool_choice.function.name',
  ),
  refused(
    'tool_choice',
    'out of range',
    'no type',
    { tools, tool_choice: {} },
    'missing_parameter',
    'tool_choice.type',
  ),
  ...refusedValues('tool_choice', 'wrong type', [5, true, []], { tools }),
  asAbsent('tool_choice'),

  accepted(
    'parallel_tool_calls',
    'valid',
    'false',
    { ...ruled, tools, tool_choice: 'required', parallel_tool_calls: false },
    calledOnce(),
  ),
  accepted(
    'parallel_tool_calls',
    'valid',
    'true',
    { ...ruled, tools, tool_choice: 'required', parallel_tool_calls: true },
    called,
  ),
  accepted('parallel_tool_calls', 'boundary', 'true without tools', { parallel_tool_calls: true }, asWithout),
  ...refusedValues('parallel_tool_calls', 'wrong type', ['no', 0, {}]),
  asAbsent('parallel_tool_calls'),
];
