import { expect, test } from 'vitest';
import type { ChatRequest, ResponseFormat, ToolChoice } from '../../domain/chat-request.ts';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import type { JsonValue } from '../../domain/json.ts';
import { runJob } from '../../grammar/compile/compile-job.ts';
import type { GrammarCompiler } from '../../grammar/grammar-compiler.ts';
import type { ToolSyntaxName } from '../between/tool-syntax.ts';
import { createAnswerShapes } from './answer-shape.ts';

const tool = {
  name: 'f',
  strict: false,
  parameters: { type: 'object', properties: { a: { type: 'string' } } },
};
const person: ResponseFormat = { type: 'json_schema', name: 'p', strict: true, schema: { type: 'integer' } };

const inPlace: GrammarCompiler = { compile: (job) => runJob(job), close: () => Promise.resolve() };

function shape(fields: Partial<ChatRequest>, syntax: ToolSyntaxName = 'tagged') {
  const request = fakeChatRequest('', fields);
  const made = createAnswerShapes(inPlace).of(request, syntax, {
    keyId: 'k',
    signal: new AbortController().signal,
  });
  if (made instanceof Promise) throw new Error('compiled elsewhere');
  return made;
}

test('an answer is text without a format and without tools that may be called', () => {
  expect(shape({})).toEqual({ ok: true, value: { type: 'text' } });
  expect(shape({ tools: [tool], toolChoice: { type: 'none' } })).toEqual({
    ok: true,
    value: { type: 'text' },
  });
});

test('calls are forced where tool_choice requires one, else the model decides', () => {
  const choices: [ToolChoice, boolean][] = [
    [{ type: 'auto' }, false],
    [{ type: 'required' }, true],
    [{ type: 'function', name: 'f' }, true],
  ];
  for (const [toolChoice, forced] of choices) {
    expect(shape({ tools: [tool], toolChoice })).toMatchObject({
      ok: true,
      value: { type: 'calls', forced },
    });
  }
});

test('a schema that cannot be enforced is refused at its path, in a format and in a tool', () => {
  const schema = { type: 'object', properties: { a: { if: { type: 'string' } } } };
  expect(shape({ responseFormat: { ...person, schema } })).toMatchObject({
    ok: false,
    failure: {
      code: 'unsupported_parameter',
      param: 'response_format.json_schema.schema.properties.a.if',
    },
  });
  expect(shape({ tools: [tool, { ...tool, name: 'g', parameters: schema }] })).toMatchObject({
    ok: false,
    failure: { param: 'tools[1].function.parameters.properties.a.if' },
  });
});

test('a schema beside json_object is enforced, in an object where it names no type', () => {
  const gbnfOf = (responseFormat: ResponseFormat) => {
    const made = shape({ responseFormat });
    return made.ok && made.value.type === 'grammar' ? made.value.gbnf : made;
  };
  const any = gbnfOf({ type: 'json_object' });
  const properties = { a: { type: 'integer' } };
  const schema = { type: 'object', properties };
  const enforced = gbnfOf({ type: 'json_object', schema });
  expect(enforced).toEqual(gbnfOf({ type: 'json_schema', name: 's', schema }));
  expect(enforced).not.toEqual(any);
  expect(gbnfOf({ type: 'json_object', schema: { properties } })).toEqual(enforced);
  for (const empty of [{}, true]) expect(gbnfOf({ type: 'json_object', schema: empty })).toEqual(any);
  const referring = { $ref: '#/$defs/s', $defs: { s: schema } };
  expect(gbnfOf({ type: 'json_object', schema: referring })).toEqual(enforced);
});

test('a schema beside json_object that cannot be enforced is refused at its path', () => {
  const refusal = (schema: JsonValue) => shape({ responseFormat: { type: 'json_object', schema } });
  expect(refusal({ properties: { a: { if: { type: 'string' } } } })).toMatchObject({
    failure: { param: 'response_format.schema.properties.a.if' },
  });
  expect(refusal(false)).toMatchObject({ failure: { param: 'response_format.schema' } });
});

test('fields that cannot be honoured together are refused naming both', () => {
  const stopped = shape({ responseFormat: person, stop: ['x'] });
  expect(stopped).toMatchObject({ ok: false, failure: { code: 'unsupported_parameter', param: 'stop' } });
  expect(!stopped.ok && stopped.failure.message).toContain("'response_format'");
  // Bare calls are JSON too, so the two cannot be distinguished.
  const both = shape({ responseFormat: person, tools: [tool] }, 'bare');
  expect(both).toMatchObject({ ok: false, failure: { param: 'response_format' } });
  expect(!both.ok && both.failure.message).toContain("'tools'");
  for (const syntax of ['tagged', 'bare'] as const) {
    const forced = { responseFormat: person, tools: [tool], toolChoice: { type: 'required' } } as const;
    expect(shape(forced, syntax)).toMatchObject({ value: { type: 'calls', forced: true } });
  }
  const stoppedEither = shape({ responseFormat: person, tools: [tool], stop: ['x'] });
  expect(stoppedEither).toMatchObject({ ok: false, failure: { param: 'stop' } });
});

test('a format with tools that may be called is JSON or calls', () => {
  for (const syntax of ['tagged', 'list'] as const) {
    expect(shape({ responseFormat: person, tools: [tool] }, syntax)).toMatchObject({
      ok: true,
      value: { type: 'json-or-calls', gbnf: expect.stringContaining('root ::= a-root | b-root') },
    });
  }
});
