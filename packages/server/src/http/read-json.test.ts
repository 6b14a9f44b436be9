import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { nobody } from '../access/authenticator.ts';
import { errorReply } from '../wire/error-reply.ts';
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
    headers: {},
    requestId: 'req_1',
    startedMs: 0,
    arrivedMs: 0,
    path: '/',
    query: '',
    id: '',
    principal: { ...nobody, keyId: 'key' },
    errorReply,
    expectsContinue: false,
    clientWriteMs: 1_000,
    span: undefined,
    notes: {},
  };
}

const large = JSON.stringify({ text: 'x'.repeat(200_000) });

/** Turns with a clock by which each decoding takes longer than a share, so the next one waits for the loop. */
function slowTurns() {
  let nowMs = 0;
  let waits = 0;
  const turns = createBodyTurns({
    now: () => {
      nowMs += 50;
      return nowMs;
    },
    later: (callback) => {
      waits += 1;
      setImmediate(callback);
    },
  });
  return { turns, waits: () => waits };
}

it('decodes bodies in turns, and releases what they held', async () => {
  const budget = createBodyBudget(() => 1024 ** 3);
  const held = createBodyBudget(() => 1024 ** 3);
  const { turns, waits } = slowTurns();
  const read = (body: string) => readJson(exchangeWith(body), 1024 ** 2, { budget, turns }, held.open('key'));
  expect(await Promise.all([read('{"a": 1}'), read(large), read(`${large}}`)])).toMatchObject([
    { ok: true, value: { a: 1 } },
    { ok: true },
    { ok: false, failure: { code: 'invalid_json' } },
  ]);
  expect(waits()).toBeGreaterThanOrEqual(6);
  expect(budget.held()).toBe(0);
});

it('releases what a body held that its client broke off', async () => {
  const budget = createBodyBudget(() => 1024 ** 3);
  const exchange = exchangeWith(large, false);
  const reading = readJson(exchange, 1024 ** 2, { budget, turns: slowTurns().turns }, budget.open('key'));
  exchange.request.destroy();
  expect(await reading).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  expect([budget.held(), exchange.notes.outcome]).toEqual([0, 'abandoned']);
});
