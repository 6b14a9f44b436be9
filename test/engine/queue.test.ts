// Queue and turns: keys take turns, and a deadline runs while a request waits.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Answer, complete } from './completion.ts';
import { endless } from './parameters/row.ts';

const greedy = 'tr_key_of_one_who_asks_much';
const modest = 'tr_key_of_one_who_asks_once';
const context = 2048;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    model: 'random',
    context,
    // One place: any request beside a running one waits.
    sequences: 1,
    // Without a key in the environment the file's keys are in force.
    env: { TAILRACE_API_KEY: '' },
    config: {
      auth: { api_keys: [greedy, modest] },
      upstreams: { lab: { kind: 'scripted', script: './lab.yaml' } },
      models: {
        scripted: { targets: [{ upstream: 'lab', model: 'plain' }] },
        rescued: {
          targets: [
            { upstream: 'lab', model: 'broken' },
            { engine: 'random', priority: 1 },
          ],
        },
        hurried: { targets: [{ engine: 'random' }], timeouts: { total: '400ms' } },
        patient: { targets: [{ engine: 'random' }] },
      },
    },
    files: {
      'lab.yaml': {
        answers: [
          { when: { model: 'broken' }, steps: [{ fail: { code: 'upstream_refused', message: 'Refused.' } }] },
          { steps: ['start', { text: ['Hello.'] }, { finish: 'stop' }] },
        ],
      },
    },
  });
});
afterAll(async () => {
  await server?.stop();
});

interface Wish {
  readonly apiKey: string;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

function asks({ apiKey, model = 'patient', maxTokens = 300, stream = true, signal }: Wish): Promise<Answer> {
  const fields = {
    model,
    messages: [{ role: 'user', content: 'Go on.' }],
    max_tokens: maxTokens,
    logit_bias: endless,
    stream,
  };
  return complete(server, fields, { apiKey, ...(signal === undefined ? {} : { signal }) });
}

test('a key that floods the queue delays another key’s single request by a place, not by the flood', async () => {
  const running = new AbortController();
  const flood = new AbortController();
  // Each would go on for the whole context: the order of the places is seen, however late the test reads it.
  const occupant = asks({ apiKey: greedy, maxTokens: context, signal: running.signal }).catch(
    () => undefined,
  );
  let served = 0;
  const crowd = Array.from({ length: 16 }, () =>
    asks({ apiKey: greedy, maxTokens: context, signal: flood.signal }).then(
      () => served++,
      () => undefined,
    ),
  );
  try {
    await untilLive(server, 1 + crowd.length);
    const single = asks({ apiKey: modest, maxTokens: 20 });
    await untilLive(server, 1 + crowd.length + 1);
    running.abort();
    expect((await single).usage.completion_tokens).toBe(20);
    // One of the flood may have had its turn before.
    expect(served).toBeLessThanOrEqual(1);
  } finally {
    running.abort();
    flood.abort();
    await Promise.all([occupant, ...crowd]);
  }
  await untilNoneLive(server);
});

test.each([true, false])('the deadline covers the wait in the queue: 504 (stream: %s)', async (stream) => {
  const controller = new AbortController();
  const occupied = Array.from({ length: 16 }, () =>
    asks({ apiKey: greedy, maxTokens: context, signal: controller.signal }).catch(() => undefined),
  );
  try {
    await untilLive(server, occupied.length);
    const late = await asks({ apiKey: greedy, model: 'hurried', maxTokens: 5, stream });
    expect(late.status).toBe(504);
    expect(late.error).toMatchObject({ type: 'timeout_error', code: 'deadline_exceeded' });
  } finally {
    controller.abort();
    await Promise.all(occupied);
  }
  await untilNoneLive(server);
  const alone = await asks({ apiKey: greedy, model: 'hurried', maxTokens: 5, stream });
  expect(alone.usage.completion_tokens).toBe(5);
});

test('a key that fills the queue is refused beyond it, another key still gets in', async () => {
  const small = await startServer({
    model: 'random',
    context,
    sequences: 1,
    env: { TAILRACE_API_KEY: '' },
    config: { auth: { api_keys: [greedy, modest] }, engine: { queue: 2 } },
  });
  const controller = new AbortController();
  const asked = (apiKey: string, maxTokens: number, signal?: AbortSignal): Promise<Answer> =>
    complete(
      small,
      {
        model: 'random',
        messages: [{ role: 'user', content: 'Go on.' }],
        max_tokens: maxTokens,
        logit_bias: endless,
      },
      { apiKey, ...(signal === undefined ? {} : { signal }) },
    );
  try {
    const crowd = Array.from({ length: 6 }, () => asked(greedy, context, controller.signal));
    // One runs, two wait; those of the six that are refused are refused at once.
    const refused: Answer[] = [];
    await new Promise<void>((resolve) => {
      for (const answer of crowd) {
        answer.then(
          (given) => {
            refused.push(given);
            if (refused.length === 3) resolve();
          },
          () => {},
        );
      }
    });
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 503, error: { code: 'overloaded' } });
    }
    const single = asked(modest, 5);
    // Three of the other key's requests are still there: this one waits beyond the queue's length.
    await untilLive(small, 4);
    controller.abort();
    expect((await single).usage.completion_tokens).toBe(5);
    await Promise.allSettled(crowd);
  } finally {
    controller.abort();
    await small.stop();
  }
});

/** The head of an answer with its times, while the body may still come. */
async function headOf(model: string, maxTokens: number, stream: boolean) {
  const fields = { model, messages: [{ role: 'user', content: 'Go on.' }], max_tokens: maxTokens, stream };
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${modest}`, 'content-type': 'application/json' },
    body: JSON.stringify(model === 'scripted' ? fields : { ...fields, logit_bias: endless }),
  });
  const timing = response.headers.get('server-timing');
  const [, queueMs, promptMs] = /^queue;dur=(\d+), prompt;dur=(\d+)$/.exec(timing ?? '') ?? [];
  return {
    timing,
    queueMs: Number(queueMs),
    promptMs: Number(promptMs),
    target: response.headers.get('tailrace-target'),
    read: () => response.text(),
  };
}

test.each([true, false])(
  'the head tells how long a request has waited in the queue (stream: %s)',
  async (stream) => {
    const alone = await headOf('patient', 1_500, true);
    // Its prompt is read, and it has the only place for 1,500 tokens.
    const [behind] = await Promise.all([headOf('patient', 5, stream), alone.read()]);
    await behind.read();
    expect(alone.promptMs).toBeGreaterThanOrEqual(0);
    expect(behind.promptMs).toBeGreaterThanOrEqual(0);
    expect(behind.queueMs).toBeGreaterThan(alone.queueMs);
  },
);

test('the head has the times of the target that answered, and none of one that does not know them', async () => {
  const rescued = await headOf('rescued', 5, true);
  await rescued.read();
  expect(rescued).toMatchObject({ target: 'engine/random', timing: expect.stringMatching(/^queue;dur=/) });
  const scripted = await headOf('scripted', 5, true);
  await scripted.read();
  expect(scripted).toMatchObject({ target: 'lab/plain', timing: null });
});
