import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testAdminKey, testKey } from '../../testing/start-app.ts';
import { type CancellingApp, type Scripted, startCancellingApp } from '../testing/cancelling-app.ts';

/** Cancelling completions that this process runs, or has run. */

let app: CancellingApp;
beforeAll(async () => {
  app = await startCancellingApp();
});
afterAll(() => app?.stop());

const cancelledError = {
  message: 'This completion was cancelled.',
  type: 'conflict_error',
  param: null,
  code: 'completion_cancelled',
};

async function answerOf(response: Response): Promise<unknown> {
  return [response.status, await response.json()];
}

/** A stream that has begun, and what comes of it. */
async function streaming(model: Scripted, more: object = {}) {
  const response = await app.complete(model, { stream: true, ...more });
  expect(response.status).toBe(200);
  return { id: await app.running(), text: response.text() };
}

describe('a running completion', () => {
  it.each<[string, Scripted, object]>([
    ['a text', 'endless', {}],
    ['of several choices', 'twofold', { n: 2 }],
    ['with a tool call', 'calling', { tools: [{ type: 'function', function: { name: 'find' } }] }],
    ['that was taken over, while the next target is silent', 'taken', {}],
  ])(
    '%s: its stream ends with the error event, and its record counts what was produced',
    async (_, model, more) => {
      const { id, text } = await streaming(model, more);
      expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
      const body = await text;
      const last = body.trimEnd().split('\n\n').at(-1) ?? '';
      expect(JSON.parse(last.slice('data: '.length))).toEqual({
        error: { ...cancelledError, request_id: expect.stringMatching(/^req_/) },
      });
      expect(body).not.toContain('[DONE]');
      expect(body).not.toMatch(/"finish_reason":"/);
      const record = await app.record(id);
      expect(record).toMatchObject({ status: 'cancelled', estimated: true });
      expect(record?.completionTokens).toBeGreaterThan(0);
      expect(record?.promptTokens).toBeGreaterThan(0);
      expect(app.runs.size).toBe(0);
    },
  );

  it.each<[string, Scripted, object]>([
    ['a text', 'endless', {}],
    ['of several choices', 'twofold', { n: 2 }],
    ['with a tool call', 'calling', { tools: [{ type: 'function', function: { name: 'find' } }] }],
  ])('%s that does not stream: 409, and its record counts what was produced', async (_, model, more) => {
    // Nobody sees from outside when the target has said something: a busy machine takes longer.
    for (const waitMs of [50, 500, 5_000]) {
      const waiting = app.complete(model, more);
      const id = await app.running();
      await delay(waitMs);
      expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
      const response = await waiting;
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(await answerOf(response)).toEqual([409, { error: cancelledError }]);
      const record = await app.record(id);
      expect(record).toMatchObject({ status: 'cancelled' });
      if ((record?.completionTokens ?? 0) > 0) return;
    }
    throw new Error('no output was recorded');
  });

  it('whose head is still held back: 409, and its record has no output', async () => {
    const waiting = app.complete('mute', { stream: true });
    const id = await app.running();
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    expect(await answerOf(await waiting)).toEqual([409, { error: cancelledError }]);
    expect(await app.record(id)).toMatchObject({ status: 'cancelled', completionTokens: 0 });
  });

  it('that several cancel at once: each gets the same answer, and there is one record', async () => {
    const { id, text } = await streaming('endless');
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        answerOf(index % 2 === 0 ? await app.cancel(id) : await app.adminCancel(id)),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, () => [200, { id, status: 'cancelled' }]));
    await text;
    const { data } = await app.ledger.ledger.records({ id, limit: 10 });
    expect(data).toHaveLength(1);
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
  });

  it('while the server drains', async () => {
    const other = await startCancellingApp();
    try {
      const response = await other.complete('endless', { stream: true });
      const id = await other.running();
      other.drain();
      expect(await answerOf(await other.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
      await response.text();
      expect(await answerOf(await other.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    } finally {
      await other.stop();
    }
  });

  it('that ends at the same moment: its client, its canceller and its record agree', async () => {
    for (let waitMs = 0; waitMs < 24; waitMs += 1) {
      const stream = waitMs % 3 !== 0;
      const answered = app.complete('brief', { stream });
      const id = await app.running();
      await delay(waitMs);
      const cancelled = (await (await app.cancel(id)).json()) as { status: string };
      const response = await answered;
      const body = await response.text();
      const whole = stream ? body.endsWith('data: [DONE]\n\n') : response.status === 200;
      expect([cancelled.status, whole]).toEqual([whole ? 'completed' : 'cancelled', whole]);
      expect(await app.record(id)).toMatchObject({ status: cancelled.status });
    }
  });
});

describe('a completion that outlives its connection', () => {
  const resumable = { 'tailrace-resumable': 'true' };
  const events = (id: string): Promise<Response> =>
    fetch(`${app.url}/v1/chat/completions/${id}/events`, { headers: { authorization: `Bearer ${testKey}` } });

  it('ends for each of its readers with the same error event, also for one that comes later', async () => {
    const response = await app.complete('endless', { stream: true }, resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    const second = await events(id);
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    const [first, other, later] = [
      await response.text(),
      await second.text(),
      await (await events(id)).text(),
    ];
    expect(first).toContain('"code":"completion_cancelled"');
    expect(first).not.toContain('[DONE]');
    expect([other, later]).toEqual([first, first]);
    expect(await app.record(id)).toMatchObject({ status: 'cancelled' });
  });

  it('is cancelled while nobody reads it', async () => {
    const response = await app.complete('endless', { stream: true }, resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    await response.body?.cancel();
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    expect(await (await events(id)).text()).toContain('"code":"completion_cancelled"');
  });

  it('is cancelled for all who wait for its JSON, and a repetition begins anew', async () => {
    const once = { 'idempotency-key': 'cancelled-json' };
    const waiting = [app.complete('mute', {}, once)];
    const id = await app.running();
    waiting.push(app.complete('mute', {}, once));
    await delay(50);
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    for (const response of await Promise.all(waiting))
      expect(await answerOf(response)).toEqual([409, { error: cancelledError }]);
    const again = app.complete('mute', {}, once);
    const next = await app.running();
    expect(next).not.toBe(id);
    await app.cancel(next);
    expect((await again).status).toBe(409);
  });
});

describe('a completion that has ended', () => {
  it.each<[Scripted, string]>([
    ['short', 'completed'],
    ['torn', 'cut'],
    ['broken', 'failed'],
  ])('%s: the status of its record is %s', async (model, status) => {
    await (await app.complete(model, { stream: true })).text();
    const { data } = await app.ledger.ledger.records({ model, limit: 1 });
    const id = data[0]?.id ?? '';
    expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status }]);
    expect(await answerOf(await app.adminCancel(id))).toEqual([200, { id, status }]);
  });
});

describe('a completion that the key does not have', () => {
  it('gets the same answer whether it is unknown, runs for another key, or has ended there', async () => {
    const { id, text } = await streaming('endless');
    const unknown = 'chatcmpl-0000000000000000000000';
    const expected = [
      404,
      {
        error: {
          message: 'There is no completion with this id, or it belongs to another key.',
          type: 'not_found_error',
          param: null,
          code: 'completion_not_found',
        },
      },
    ];
    for (const key of [app.otherKey, testAdminKey]) {
      expect(await answerOf(await app.cancel(id, key))).toEqual(expected);
      expect(await answerOf(await app.cancel(unknown, key))).toEqual(expected);
    }
    expect(app.runs.get(id)).toBeDefined();
    await app.cancel(id);
    await text;
    expect(await answerOf(await app.cancel(id, app.otherKey))).toEqual(expected);
    expect(await answerOf(await app.cancel(unknown))).toEqual(expected);
    expect(await answerOf(await app.adminCancel(unknown))).toMatchObject([
      404,
      { error: { code: 'completion_not_found' } },
    ]);
  });

  it('an id may be any text', async () => {
    for (const id of ['%00', '%F0%9F%98%80', 'x'.repeat(8_000), "'%20OR%201=1", '%2e%2e', 'a%2Fb'])
      expect((await app.cancel(id)).status).toBe(404);
  });
});

describe('the administration', () => {
  it('cancels a completion of any key', async () => {
    const { id, text } = await streaming('endless');
    expect(await answerOf(await app.adminCancel(id))).toEqual([200, { id, status: 'cancelled' }]);
    expect(await text).toContain('completion_cancelled');
  });

  it('cancels a request that is about to start: the cancel waits for its run', async () => {
    const { ledger } = app.ledger;
    const { admit } = ledger;
    const stored = Promise.withResolvers<string>();
    const goOn = Promise.withResolvers<void>();
    ledger.admit = async (ask) => {
      const admission = await admit(ask);
      stored.resolve(ask.intent.id);
      await goOn.promise;
      return admission;
    };
    try {
      const waiting = app.complete('mute');
      const id = await stored.promise;
      expect(await app.record(id)).toMatchObject({ status: 'open' });
      const cancelling = app.adminCancel(id);
      setTimeout(goOn.resolve, 100);
      expect(await answerOf(await cancelling)).toEqual([200, { id, status: 'cancelled' }]);
      expect((await waiting).status).toBe(409);
    } finally {
      ledger.admit = admit;
    }
  });
});

describe('the body of the request', () => {
  it('is absent or an empty object; a field in it is refused by name, and nothing is cancelled', async () => {
    const { id, text } = await streaming('endless');
    for (const [path, key] of [
      [`/v1/chat/completions/${id}/cancel`, testKey],
      [`/admin/v1/streams/${id}/cancel`, testAdminKey],
    ] as const) {
      expect(await answerOf(await app.post(path, '{"reason": "bored"}', key))).toMatchObject([
        400,
        { error: { code: 'unsupported_parameter', param: 'reason' } },
      ]);
      expect(await answerOf(await app.post(path, '[', key))).toMatchObject([
        400,
        { error: { code: 'invalid_json' } },
      ]);
      expect(app.runs.get(id)).toBeDefined();
    }
    const path = `/v1/chat/completions/${id}/cancel`;
    expect(await answerOf(await app.post(path, '{}', testKey))).toEqual([200, { id, status: 'cancelled' }]);
    await text;
  });
});
