import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createBodyBudget } from './body-budget.ts';
import { createBodyTurns } from './body-turns.ts';
import type { Exchange } from './exchange.ts';
import { readJson } from './read-json.ts';

function exchangeWith(body: string, whole = true): Exchange {
  const request = new IncomingMessage(new Socket());
  request.headers['content-type'] = 'application/json';
  request.headers['transfer-encoding'] = 'chunked';
  request.push(Buffer.from(body));
  if (whole) request.push(null);
  return {
    request,
    response: new ServerResponse(request),
    requestId: 'req_1',
    startedMs: 0,
    path: '/',
    query: '',
    id: '',
    principal: { keyId: 'key', admin: false },
    expectsContinue: false,
    clientWriteMs: 1_000,
    notes: {},
  };
}

const large = JSON.stringify({ text: 'x'.repeat(200_000) });

it('decodes large bodies in turns and small ones at once, and gives all their room back', async () => {
  const budget = createBodyBudget(() => 1024 ** 3);
  let turnsTaken = 0;
  const turns = createBodyTurns((serve) => {
    turnsTaken += 1;
    setImmediate(serve);
  });
  const read = (body: string) => readJson(exchangeWith(body), 1024 ** 2, { budget, turns });
  expect(await read('{"a": 1}')).toEqual({ ok: true, value: { a: 1 } });
  expect(turnsTaken).toBe(0);
  const both = await Promise.all([read(large), read(large)]);
  expect(both).toMatchObject([{ ok: true }, { ok: true }]);
  expect(turnsTaken).toBeGreaterThanOrEqual(2);
  expect(await read(`${large}}`)).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  expect(budget.held()).toBe(0);
});

it('gives the room of a body back that its client has broken off', async () => {
  const budget = createBodyBudget(() => 1024 ** 3);
  const exchange = exchangeWith(large, false);
  const reading = readJson(exchange, 1024 ** 2, { budget, turns: createBodyTurns() });
  exchange.request.destroy();
  expect(await reading).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  expect([budget.held(), exchange.notes.outcome]).toEqual([0, 'abandoned']);
});
