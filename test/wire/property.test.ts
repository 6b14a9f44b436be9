// Random requests, right and wrong: never a 500, never a hang, and a refusal names the path at fault.

import { errorCodes } from '@tailrace/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseForeignJson } from '../../packages/server/src/domain/json.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { brokenRequest, fields, validRequest } from './request-fields.ts';
import { labServer } from './wire-client.ts';

const hangMs = 20_000;

let server: TestServer;
beforeAll(async () => {
  server = await startServer(labServer());
});
afterAll(async () => {
  await server?.stop();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

async function post(body: string | Uint8Array<ArrayBuffer>): Promise<Answer> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(hangMs),
  });
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: Buffer.from(await response.arrayBuffer()) };
}

/** The answer every request may get: a whole stream, a whole completion, or an envelope of the table. */
function expectHonest(
  { status, type, body }: Answer,
  request: unknown,
): { code: string; param: string | null } | undefined {
  const text = body.toString('utf8');
  if (status === 200) {
    if (type.startsWith('text/event-stream')) expectTrueStream(body, { logprobs: hasLogprobs(request) });
    else expect(JSON.parse(text)).toMatchObject({ object: 'chat.completion' });
    return undefined;
  }
  const { error } = JSON.parse(text);
  expect(errorCodes, text).toContain(error.code);
  expect(status, text).toBeLessThan(500);
  expect(error.message, text).toMatch(/\S/);
  return error;
}

function hasLogprobs(request: unknown): boolean {
  return (
    typeof request === 'object' && request !== null && 'logprobs' in request && request.logprobs === true
  );
}

/** A name that is one backslash is refused wherever it stands (packages/server/src/domain/json.ts). */
function isReadable(request: unknown): boolean {
  try {
    parseForeignJson(JSON.stringify(request));
    return true;
  } catch {
    return false;
  }
}

describe('a request', () => {
  test('that is valid is answered', async () => {
    await fc.assert(
      fc.asyncProperty(validRequest, async (fieldsOf) => {
        const request = { model: 'lab/json', ...fieldsOf };
        fc.pre(isReadable(request));
        const answer = await post(JSON.stringify(request));
        expect(answer.status, answer.body.toString()).toBe(200);
        expectHonest(answer, request);
      }),
      { numRuns: 1000 },
    );
  });

  test('with one field broken is refused at that field', async () => {
    await fc.assert(
      fc.asyncProperty(brokenRequest, async ({ request, field, fault }) => {
        fc.pre(isReadable(request));
        const answer = await post(JSON.stringify({ model: 'lab/json', ...request }));
        const error = expectHonest(answer, request);
        expect({ status: answer.status, param: error?.param }, answer.body.toString()).toEqual({
          status: 400,
          param: `${field}${fault.below}`,
        });
        if (fault.code !== 'any') expect(error?.code, answer.body.toString()).toBe(fault.code);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(fields.filter(({ name }) => name !== 'messages').map(({ name }) => name))(
    'takes null for %s as if it were absent',
    async (name) => {
      const messages = [{ role: 'user', content: 'Hello.' }];
      const answer = await post(JSON.stringify({ model: 'lab/json', messages, [name]: null }));
      expect(answer.status, answer.body.toString()).toBe(200);
    },
  );

  test('of any JSON gets a whole answer or a refusal', async () => {
    const names = ['model', ...fields.map(({ name }) => name), 'unknown'];
    const anything = fc.jsonValue({ maxDepth: 5 });
    const request = fc.oneof(
      anything,
      fc.dictionary(fc.constantFrom(...names), anything),
      fc.dictionary(fc.constantFrom(...names), anything).map((some) => ({
        model: 'lab/json',
        messages: [{ role: 'user', content: 'Hello.' }],
        ...some,
      })),
    );
    await fc.assert(
      fc.asyncProperty(request, async (value) => {
        const error = expectHonest(await post(JSON.stringify(value)), value);
        if (error?.param == null) return;
        expect(names.concat(Object.keys(value ?? {})).some((name) => error.param?.startsWith(name))).toBe(
          true,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('of any bytes gets a whole answer or a refusal', async () => {
    const json = '{"model":"lab/json","messages":[{"role":"user","content":"Gr\u00fc\u00dfe"}]}';
    const mangled = fc
      .tuple(fc.nat(json.length), fc.uint8Array({ maxLength: 8 }), fc.nat(8))
      .map(([at, bytes, cut]) => {
        const whole = Buffer.from(json);
        return Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + cut)]);
      });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), mangled);
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        expectHonest(await post(new Uint8Array(body)), undefined);
      }),
      { numRuns: 1000 },
    );
  });

  test('leaves nothing behind', async () => {
    await untilNoneLive(server);
  });
});
