// The table of parameters: each field of the contract's section 2, each kind of value, against one running server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestFields } from '../../packages/server/src/domain/request-fields.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { complete, type Fields } from './completion.ts';
import { outputRows } from './parameters/output.ts';
import { restRows } from './parameters/rest.ts';
import { type Kind, kinds, plain, type Row, sameAnswer } from './parameters/row.ts';
import { context, samplingRows } from './parameters/sampling.ts';

const rows: readonly Row[] = [...restRows, ...samplingRows, ...outputRows];

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ model: 'random', context, sequences: 4 });
});
afterAll(async () => {
  await server?.stop();
});

function body(fields: Fields, stream: boolean): Fields {
  return { stream, ...plain, ...fields };
}

async function judge({ fields, refused, effect }: Row, stream: boolean): Promise<void> {
  const answer = await complete(server, body(fields, stream));
  if (refused !== undefined) {
    expect(answer.error).toMatchObject({ code: refused.code, param: refused.param });
    expect(answer.error?.message).toMatch(/\S/);
    expect(answer.status).toBe(refused.code === 'model_not_found' ? 404 : 400);
    return;
  }
  expect(answer.error).toBeUndefined();
  expect(answer.status).toBe(200);
  await effect?.(answer, (more) => complete(server, body(more, stream)), fields);
}

describe.each([...Map.groupBy(rows, ({ field }) => field)])('%s', (_field, ofField) => {
  test.each(ofField)('$kind: $given', async (row) => {
    await judge(row, true);
    await judge(row, false);
    if (row.refused !== undefined || 'stream' in row.fields) return;
    const [streamed, whole] = [
      await complete(server, body(row.fields, true)),
      await complete(server, body(row.fields, false)),
    ];
    sameAnswer(streamed, whole);
  });
});

/** Kinds of rows that a field lacks: every value of its type is in range, or none is honoured. */
const without: Readonly<Record<string, readonly Kind[]>> = {
  stream: ['out of range'],
  logprobs: ['out of range'],
  store: ['out of range'],
  parallel_tool_calls: ['out of range'],
  prediction: ['boundary', 'out of range'],
  audio: ['boundary', 'out of range'],
  web_search_options: ['boundary', 'out of range'],
  modalities: ['out of range'],
  functions: ['out of range'],
  function_call: ['out of range'],
};

test('the table has every known field, with every kind of value that it takes', () => {
  for (const field of requestFields) {
    const expected = kinds.filter((kind) => without[field]?.includes(kind) !== true);
    const found = new Set(rows.filter((row) => row.field === field).map((row) => row.kind));
    expect([field, kinds.filter((kind) => found.has(kind))]).toEqual([field, expected]);
  }
});
