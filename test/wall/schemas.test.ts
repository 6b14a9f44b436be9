import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { askRelay, tokensFor } from './ask-relay.ts';
import { judgeStream } from './judge.ts';

/* Schemas of callers, and a healthy upstream that answers `{"text": "…"}` to any schema. */

const patienceMs = 30_000;
const messages = [{ role: 'user', content: 'Tell me about the mill.' }];

let wall: Wall;
let server: TestServer;

beforeAll(async () => {
  wall = createWall();
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  server = await startServer({
    model: 'none',
    config: {
      upstreams: { wall: { kind: 'openai', base_url: `http://127.0.0.1:${port}/v1`, api_key: 'wall' } },
      models: { mill: { targets: [{ upstream: 'wall', model: 'wall/healthy' }] } },
      retry: { per_target: 1 },
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await wall.close();
});

const asked = () => wall.stats().requests['healthy'] ?? 0;

async function ask(schema: unknown, fields: Readonly<Record<string, unknown>> = {}): Promise<RawResponse> {
  const format = { type: 'json_schema', json_schema: { name: 'told', schema, strict: true } };
  const response_format = schema === undefined ? undefined : format;
  const response = await askRelay(
    server,
    { model: 'mill', messages, response_format, ...fields },
    patienceMs,
  );
  if (response === undefined) throw new Error('the connection ended without an answer');
  return response;
}

function errorOf({ body }: RawResponse) {
  return (JSON.parse(body.toString()) as { error: { code: string; param: string | null; message: string } })
    .error;
}

describe('a schema that cannot be enforced', () => {
  const path = 'response_format.json_schema.schema';

  test.each([
    [{ properties: { a: { $ref: 'https://e.org/a.json' } } }, `${path}.properties.a.$ref`],
    [{ properties: { a: { type: 'intger' } } }, `${path}.properties.a.type`],
    [{ items: { $ref: '#/$defs/none' } }, `${path}.items.$ref`],
    [{ anyOf: [{ pattern: '(' }] }, `${path}.anyOf[0].pattern`],
    [{ $schema: 'http://json-schema.org/draft-04/schema#' }, `${path}.$schema`],
  ])('is 400 at its path, and no target is asked: %j', async (schema, param) => {
    const before = asked();
    for (const stream of [true, false]) {
      const response = await ask(schema, { stream });
      expect(response.status).toBe(400);
      expect(errorOf(response)).toMatchObject({ code: 'invalid_value', param });
    }
    expect(asked()).toBe(before);
  });
});

describe('a schema that the answer satisfies', () => {
  test.each([
    { type: 'object', properties: { text: { type: 'string', minLength: 5 } }, required: ['text'] },
    { $ref: '#/definitions/a', definitions: { a: { type: 'object' } } },
    true,
  ])('leaves it whole, streaming or not: %j', async (schema) => {
    const json = tokensFor(messages, 0, true).join('');
    const streamed = await ask(schema, { stream: true });
    const verdict = judgeStream(streamed, [{ texts: [json], finish: 'stop', calls: [], outputs: {} }]);
    expect([verdict.outcome, verdict.lies]).toEqual([{ kind: 'whole' }, []]);
    const { choices } = JSON.parse((await ask(schema)).body.toString()) as {
      choices: readonly { message: { content: string } }[];
    };
    expect(choices[0]?.message.content).toBe(json);
  });
});

describe('a schema whose check takes for ever', () => {
  test('fails its own answer, and delays no other one', async () => {
    // The pattern backtracks: it tries every way to divide the text before it fails.
    const evil = { properties: { text: { pattern: '^((.+)+)+\\u0000$' } } };
    const ended: string[] = [];
    const slow = ask(evil).finally(() => ended.push('slow'));
    const before = asked();
    while (asked() === before) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await ask(undefined).finally(() => ended.push('beside'))).status).toBe(200);
    const response = await slow;
    expect([response.status, errorOf(response).code]).toEqual([504, 'deadline_exceeded']);
    expect(ended).toEqual(['beside', 'slow']);
    expect((await ask(true)).status).toBe(200);
  });
});
