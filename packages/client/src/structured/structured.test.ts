import { describe, expect, test } from 'vitest';
import {
  ContentFilterFinishReasonError,
  LengthFinishReasonError,
  StreamTruncatedError,
  StructuredOutputError,
} from '../index.ts';
import { scriptedClient } from '../testing/scripted-client.ts';
import { chunkOf, writtenStream } from '../testing/written-stream.ts';
import { jsonSchemaOf, responseFormat } from './response-format.ts';
import type { StandardSchema } from './standard-schema.ts';

interface City {
  name: string;
  size: number;
}

const written = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { name: { type: 'string' }, size: { type: 'number' } },
  required: ['name', 'size'],
};
/** A schema as a library makes one: it validates, writes itself, and its output is not its input. */
const citySchema: StandardSchema<unknown, City & { valid: true }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    async validate(value) {
      const { name, size } = value as Partial<City>;
      if (typeof name !== 'string') return { issues: [{ message: 'no text', path: ['name'] }] };
      if (typeof size !== 'number') return { issues: [{ message: 'no number', path: [{ key: 'size' }] }] };
      return { value: { name, size, valid: true } };
    },
    jsonSchema: { input: ({ target }) => ({ ...written, title: target }) },
  },
};
const format = responseFormat('city', citySchema, { description: 'A city.' });
const request = { model: 'm', messages: [], response_format: format };
const paris = '{"name":"Paris","size":2.1}';

describe('responseFormat', () => {
  test('asks for the JSON Schema of the schema, closed, and sends nothing else', () => {
    expect(JSON.parse(JSON.stringify(format))).toEqual({
      type: 'json_schema',
      json_schema: {
        name: 'city',
        description: 'A city.',
        strict: true,
        schema: {
          type: 'object',
          title: 'draft-2020-12',
          properties: { name: { type: 'string' }, size: { type: 'number' } },
          required: ['name', 'size'],
          additionalProperties: false,
        },
      },
    });
  });

  test('closes the objects at every depth, and no data', () => {
    const schema = {
      type: 'object',
      properties: {
        properties: { type: 'object', properties: {} },
        open: { properties: {}, additionalProperties: true },
      },
      $defs: { a: { anyOf: [{ properties: {} }, { const: { properties: 1 } }] } },
    };
    expect(responseFormat('x', schema).json_schema.schema).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: {
        properties: { type: 'object', properties: {}, additionalProperties: false },
        open: { properties: {}, additionalProperties: true },
      },
      $defs: {
        a: { anyOf: [{ properties: {}, additionalProperties: false }, { const: { properties: 1 } }] },
      },
    });
    expect(responseFormat('x', schema, { strict: false }).json_schema).toEqual({
      name: 'x',
      strict: false,
      schema,
    });
  });

  test('a library without JSON Schema needs one by hand', () => {
    const { jsonSchema: _, ...bare } = citySchema['~standard'];
    const schema = { '~standard': bare };
    expect(() => jsonSchemaOf(schema)).toThrow('test writes no JSON Schema');
    expect(responseFormat('city', schema, { jsonSchema: { type: 'object' } }).json_schema.schema).toEqual({
      type: 'object',
    });
  });
});

describe('chat.completions.parse', () => {
  test('has the validated value beside the text', async () => {
    const { client, requests } = scriptedClient({ content: paris });
    const completion = await client.chat.completions.parse(request);
    expect(completion.choices[0]?.message).toMatchObject({
      content: paris,
      parsed: { name: 'Paris', size: 2.1, valid: true },
    });
    expect(completion.choices[0]?.message.parsed?.valid).toBe(true);
    expect(requests).toEqual([JSON.parse(JSON.stringify({ ...request, stream: false }))]);
  });

  test.each([
    ['{"name":"Paris"}', 'size: no number'],
    ['{"name":"Par', 'JSON'],
  ])('%s is an error with the issues and the text', async (content, issue) => {
    const { client } = scriptedClient({ content });
    const error = await client.chat.completions.parse(request).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(StructuredOutputError);
    expect(error).toMatchObject({ text: content, issues: [{ message: expect.any(String) }] });
    expect((error as Error).message).toContain(issue);
  });

  test('a cut answer, a filter and a refusal are told apart', async () => {
    const { client } = scriptedClient(
      { content: '{"name":"P', finish: 'length' },
      { content: '{', finish: 'content_filter' },
      { content: null, refusal: 'No.' },
    );
    const { completions } = client.chat;
    await expect(completions.parse(request)).rejects.toThrow(LengthFinishReasonError);
    await expect(completions.parse(request)).rejects.toThrow(ContentFilterFinishReasonError);
    expect((await completions.parse(request)).choices[0]?.message).toMatchObject({
      parsed: null,
      refusal: 'No.',
    });
  });

  test('reads the arguments of strict tools', async () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const { client } = scriptedClient({ tool_calls: [call] });
    const tools = [{ type: 'function', function: { name: 'f', strict: true } }] as const;
    const completion = await client.chat.completions.parse({ model: 'm', messages: [], tools: [...tools] });
    expect(completion.choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments).toEqual({ a: 1 });
  });

  test('a format and a tool of openai/helpers/zod are read by the parser that they bring', async () => {
    const $parseRaw = (text: string) => ({ upper: text.toUpperCase() });
    const call = { index: 0, id: 'a', function: { name: 'f', arguments: '{"a":1}' } };
    const { client } = scriptedClient({ content: '{"a":1}' }, { tool_calls: [call] });
    const { completions } = client.chat;
    const zodFormat = { type: 'json_schema' as const, json_schema: { name: 'city' }, $parseRaw };
    const read = await completions.parse({ model: 'm', messages: [], response_format: zodFormat });
    const upper: string | undefined = read.choices[0]?.message.parsed?.upper;
    expect(upper).toBe('{"A":1}');
    const tool = { type: 'function' as const, function: { name: 'f', strict: true }, $parseRaw };
    const called = await completions.parse({ model: 'm', messages: [], tools: [tool] });
    expect(called.choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments).toEqual({
      upper: '{"A":1}',
    });
  });
});

describe('stream.partial', () => {
  test('gives the value while it comes, typed, and the validated one at the end', async () => {
    const { client } = scriptedClient({ content: paris });
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const output = stream.partial(citySchema);
    const seen: string[] = [];
    for await (const { name, size } of output) seen.push(`${name} ${size}`);
    expect(seen[0]).toBe('undefined undefined');
    expect(seen).toContain('Par undefined');
    expect(seen.at(-1)).toBe('Paris 2.1');
    expect(await output.final()).toEqual({ name: 'Paris', size: 2.1, valid: true });
  });

  test('final() alone reads the stream', async () => {
    const { client } = scriptedClient({ content: paris });
    const stream = await client.chat.completions.create({ ...request, stream: true });
    expect(await stream.partial<City>().final()).toEqual({ name: 'Paris', size: 2.1 });
  });

  test('a value that the schema refuses is an error with its issues', async () => {
    const { client } = scriptedClient({ content: '{"name":1}' });
    const stream = await client.chat.completions.create({ ...request, stream: true });
    await expect(stream.partial(citySchema).final()).rejects.toMatchObject({
      issues: [{ message: 'no text', path: ['name'] }],
    });
  });

  test('a broken stream is an error of the loop and of the value', async () => {
    const { stream, send, end } = writtenStream();
    send(chunkOf({ content: '{"name":"Pa' }));
    end();
    const output = stream.partial(citySchema);
    const seen: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const value of output) seen.push(structuredClone(value));
    };
    await expect(loop()).rejects.toThrow(StreamTruncatedError);
    expect(seen).toEqual([{ name: 'Pa' }]);
    await expect(output.final()).rejects.toThrow(StreamTruncatedError);
  });
});
