import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomGgufSpecials, writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { ask, startTestEngine, type TestEngine } from './ask.ts';

let scratch: Scratch;
let running: TestEngine;

beforeAll(async () => {
  scratch = createScratch('engine');
  const file = join(scratch.path, 'random.gguf');
  writeRandomGguf(file, { seed: 7, contextLength: 1024 });
  const environment = { TAILRACE_API_KEY: 'tr_secret', HOME: '/nowhere' };
  running = await startTestEngine({ file, sequences: 4, context: 'max' }, 4, environment);
});
afterAll(async () => {
  await running.engine.stop();
  scratch.remove();
});

const idle = (): Promise<true> =>
  until('every sequence is free', 20_000, () => {
    const { running: busy, waiting } = running.engine.load();
    return busy + waiting === 0 ? true : undefined;
  });

describe('engine with a random model', () => {
  test('it takes as much context as the model was trained for where memory allows', () => {
    expect(running.engine.describe('m')).toMatchObject({
      contextLength: 1024,
      sequences: 4,
      modelName: 'random 7',
    });
  });

  test('the same seed gives the same text: again, warm, after another request, and among neighbours', async () => {
    for (const wish of [{ seed: 11 }, { temperature: 0 }, { seed: 12, temperature: 0.7, topP: 0.9 }]) {
      const question = 'What is the colour of noise? '.repeat(6);
      const first = await ask(running.engine, question, { ...wish, maxTokens: 120 });
      const again = await ask(running.engine, question, { ...wish, maxTokens: 120 });
      expect(again.text).toBe(first.text);
      expect(again.usage.cachedTokens).toBeGreaterThan(0);
      await Promise.all(
        [1, 2, 3, 4].map((n) => ask(running.engine, `other ${n}`.repeat(n * 9), { maxTokens: 60 })),
      );
      const [among] = await Promise.all([
        ask(running.engine, question, { ...wish, maxTokens: 120 }),
        ask(running.engine, 'a neighbour with a prompt of some length '.repeat(9), { maxTokens: 90 }),
        ask(running.engine, 'another', { maxTokens: 150 }),
      ]);
      expect(among?.text).toBe(first.text);
    }
  });

  test('different seeds give different texts, and so do requests without one', async () => {
    const texts = await Promise.all(
      [{ seed: 1 }, { seed: 2 }, { seed: 1 + 2 ** 32 }, {}, {}].map((wish) =>
        ask(running.engine, 'q', { ...wish, maxTokens: 40 }),
      ),
    );
    expect(new Set(texts.map((outcome) => outcome.text)).size).toBe(5);
  });

  test('the largest seeds repeat', async () => {
    for (const seed of [2 ** 53 - 1, 2 ** 32 - 1]) {
      const [first, second] = [
        await ask(running.engine, 'q', { seed, maxTokens: 40 }),
        await ask(running.engine, 'q', { seed, maxTokens: 40 }),
      ];
      expect(second.text).toBe(first.text);
    }
  });

  test('more requests than sequences are all served, and those beyond the queue are refused', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, n) => ask(running.engine, `request ${n}`, { maxTokens: 50 })),
    );
    const refused = outcomes.filter((outcome) => outcome.end === 'overloaded');
    expect(refused.length).toBe(4);
    for (const outcome of outcomes) expect(['stop', 'length', 'overloaded']).toContain(outcome.end);
    await idle();
  });

  test('usage counts every token, and max_tokens is never passed', async () => {
    for (const maxTokens of [1, 2, 17]) {
      const outcome = await ask(running.engine, 'count', { maxTokens, seed: 3 });
      expect(outcome.usage.completionTokens).toBeLessThanOrEqual(maxTokens);
      if (outcome.end === 'length') expect(outcome.usage.completionTokens).toBe(maxTokens);
    }
  });

  test('an answer ends with length where the context is full', async () => {
    const long = 'q'.repeat(900);
    let seed = 0;
    const outcome = await until('an answer that does not end by itself', 60_000, async () => {
      const tried = await ask(running.engine, long, { seed: ++seed });
      return tried.end === 'length' ? tried : undefined;
    });
    expect(outcome.usage.promptTokens + outcome.usage.completionTokens).toBe(1024);
  });

  test('a prompt that is too long is refused with its count, wherever that is found', async () => {
    for (const length of [1024, 4000, 1_000_000]) {
      const outcome = await ask(running.engine, 'q'.repeat(length));
      expect(outcome.end).toBe('context_length_exceeded');
    }
  });

  test('a stop string ends the text before it, and no part of it is sent', async () => {
    const whole = await ask(running.engine, 'go on', { seed: 5, maxTokens: 100 });
    const letters = [...whole.text];
    const middle = letters.slice(20, 23).join('');
    const stopped = await ask(running.engine, 'go on', { seed: 5, maxTokens: 100, stop: [middle] });
    expect(stopped.end).toBe('stop');
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(middle)));
    expect(stopped.usage.completionTokens).toBeLessThanOrEqual(whole.usage.completionTokens);
  });

  test('text of control tokens in a message is longer than the tokens would be', async () => {
    const plain = await ask(running.engine, '', { maxTokens: 1 });
    for (const text of randomGgufSpecials) {
      const outcome = await ask(running.engine, text, { maxTokens: 1 });
      expect(outcome.usage.promptTokens - plain.usage.promptTokens).toBeGreaterThan(5);
    }
  });

  test('a client that leaves while the answer is written frees its sequence, and gets no further event', async () => {
    const controller = new AbortController();
    const outcome = await ask(running.engine, 'endless', {
      signal: controller.signal,
      onText: () => controller.abort(),
    });
    expect(outcome.end).toBeUndefined();
    await idle();
  });

  test('a client that leaves while its prompt is read frees its sequence', async () => {
    const controller = new AbortController();
    const asked = ask(running.engine, 'q'.repeat(900), { signal: controller.signal });
    await until('the prompt is being read', 20_000, () =>
      running.engine.load().running > 0 ? true : undefined,
    );
    controller.abort();
    expect((await asked).end).toBeUndefined();
    await idle();
  });

  test.skipIf(process.platform !== 'linux')(
    'the process has no secret in its environment (Linux shows it)',
    () => {
      const environment = readFileSync(`/proc/${running.pid()}/environ`, 'utf8');
      expect(environment).not.toContain('tr_secret');
      expect(environment).toContain('UV_THREADPOOL_SIZE=1');
    },
  );

  test('Ctrl-C and the signals of a closing terminal do not touch the process', async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(running.pid(), signal);
    expect(
      (await ask(running.engine, 'still there?', { maxTokens: 3 })).usage.completionTokens,
    ).toBeGreaterThan(0);
  });

  test('when the process dies running streams fail, waiting ones are served by the next process', async () => {
    const before = running.pid();
    const asked = Array.from({ length: 6 }, (_, n) =>
      ask(running.engine, `run ${n}`.repeat(40), { maxTokens: 800 }),
    );
    await until('the sequences are taken', 20_000, () =>
      running.engine.load().running >= 4 ? true : undefined,
    );
    process.kill(before, 'SIGKILL');
    const outcomes = await Promise.all(asked);
    const cut = outcomes.filter((outcome) => outcome.end === 'upstream_cut');
    expect(cut.length).toBeGreaterThan(0);
    for (const outcome of outcomes) expect(['upstream_cut', 'stop', 'length']).toContain(outcome.end);
    await until('the engine is ready again', 20_000, () => (running.engine.ready() ? true : undefined));
    expect(running.pid()).not.toBe(before);
    expect((await ask(running.engine, 'after', { maxTokens: 3 })).usage.completionTokens).toBeGreaterThan(0);
    await idle();
  });
});
