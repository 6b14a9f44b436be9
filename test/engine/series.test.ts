// The real model: a server sees its own requests in its time series, whatever worker has answered them.

import { existsSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { byWorker, linesOf } from '../workers/running-workers.ts';

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

/** The sums of the points of each series, by its name and labels. */
async function sums(server: TestServer): Promise<Readonly<Record<string, number>>> {
  const response = await fetch(`${server.baseUrl}/admin/v1/series`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  const { data } = (await response.json()) as { data: readonly Series[] };
  return Object.fromEntries(
    data.map(({ name, labels, points }) => [
      [name, ...Object.values(labels)].join(' '),
      points.reduce((sum, [, value]) => sum + value, 0),
    ]),
  );
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

async function complete(server: TestServer, question: string): Promise<Usage> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    // A connection of its own: the parent gives each to the worker that has the fewest.
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      connection: 'close',
    },
    body: JSON.stringify({
      ...{ model: 'default', stream: true, max_tokens: 40 },
      messages: [{ role: 'user', content: question }],
    }),
  });
  const usage = /"usage":(\{"prompt_tokens":\d+,"completion_tokens":\d+)/.exec(await response.text())?.[1];
  return JSON.parse(`${usage}}`) as Usage;
}

const questions = ['Hello, who are you?', 'Name a river.', 'What is a mill?', 'Count to five.'];
const file = process.env['TAILRACE_TEST_MODEL'] ?? '';

describe.skipIf(!existsSync(file))('time series (TAILRACE_TEST_MODEL names the file of the model)', () => {
  test.each([
    ['one process', 1, []],
    ['two workers', 2, ['--workers', '2']],
  ])('%s', async (_name, processes, flags) => {
    const server = await startServer({
      model: 'default',
      flags,
      config: {
        server: { shed: { loop_delay: '10s' } },
        models: {
          chat: { targets: [{ engine: 'smollm2-135m-instruct' }], price: { input: 1_000, output: 10_000 } },
        },
      },
    });
    onTestFinished(() => server.stop());
    const usages = await Promise.all(questions.map((question) => complete(server, question)));
    const sumOf = (field: keyof Usage) => usages.reduce((sum, usage) => sum + usage[field], 0);
    const seen = await until('the requests in the series', 30_000, async () => {
      const now = await sums(server);
      return now['requests_ended completed'] === questions.length ? now : undefined;
    });
    expect(seen).toMatchObject({
      requests_started: questions.length,
      'requests_ended completed': questions.length,
      'target_attempts engine smollm2-135m-instruct': questions.length,
      'target_failures engine smollm2-135m-instruct': 0,
      'target_breaker engine smollm2-135m-instruct': 0,
      spend: sumOf('prompt_tokens') * 1_000 + sumOf('completion_tokens') * 10_000,
    });
    expect(byWorker(linesOf(server, 'request').filter(({ model }) => model === 'default')).size).toBe(
      processes,
    );
    // By the second, in steps of ten.
    expect((seen['prompt_tokens'] ?? 0) * 10).toBeCloseTo(sumOf('prompt_tokens'), 1);
    expect((seen['completion_tokens'] ?? 0) * 10).toBeCloseTo(sumOf('completion_tokens'), 1);
    expect(seen).toHaveProperty(['engine_queue']);
    expect(seen['ttft 0.99']).toBeGreaterThan(0);
    expect(seen['gap 0.5']).toBeGreaterThan(0);
    expect(seen).toHaveProperty(['loop_delay 0.99']);
  });
});
