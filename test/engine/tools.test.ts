// Fifty tools as real agents define them: whatever random weights write, the arguments are valid.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { firstRandomTag, writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, callsOf, startTestEngine } from './ask.ts';
import {
  atOnce,
  callEachByName,
  callTools,
  closing,
  createCallJudge,
  gather,
  readFixture,
  seeds,
  type Tool,
} from './tool-calls.ts';

const { tools } = readFixture<{ readonly tools: readonly Tool[] }>('tools.json');
const judge = createCallJudge(tools);

let server: TestServer;
beforeAll(async () => {
  // A token of this model is about a byte: the longest five definitions have 6,000 of them.
  server = await startServer({ model: 'random', sequences: atOnce, context: 10_240 });
});
afterAll(async () => {
  await server?.stop();
});

describe('fifty tools', () => {
  test('there are fifty, each with a name of its own', () => {
    expect(new Set(tools.map(({ name }) => name)).size).toBe(50);
  });

  test('each is called once where it is asked for by name, with valid arguments in pieces', async () => {
    const { problems, asked, whole, pieces } = await callEachByName(server, partOf(tools, 8), judge);
    expect(problems).toEqual([]);
    expect(whole).toBeGreaterThan(0.8 * asked);
    expect(pieces).toBeGreaterThan(2 * asked);
  });

  test.each([true, false])('offered five at a time some are called, parallel: %s', async (parallel) => {
    const groups = Array.from({ length: 10 }, (_, group) => tools.filter((_, index) => index % 10 === group));
    const jobs = partOf(
      groups.flatMap((offered) => seeds.map((seed) => ({ offered, seed }))),
      // Only some seeds make several calls at once.
      parallel ? 30 : 6,
    );
    let most = 0;
    let calls = 0;
    const problems = await gather(jobs, async ({ offered, seed }) => {
      const choice = { tool_choice: 'required', parallel_tool_calls: parallel };
      const answer = await callTools(server, offered, { seed, ...choice });
      const made = answer.choices[0]?.calls ?? [];
      most = Math.max(most, made.length);
      calls += made.length;
      const ids = new Set(made.map(({ id }) => id));
      return [
        ...judge.problemsOf(offered, answer),
        ...(ids.size === made.length ? [] : ['an id came twice']),
      ];
    });
    expect(problems).toEqual([]);
    expect(calls).toBeGreaterThanOrEqual(jobs.length);
    if (parallel) expect(most).toBeGreaterThan(1);
    else expect(most).toBe(1);
  });
});

describe('a model that begins calls by itself', () => {
  test('continues inside the grammar of the offered tools, between pieces of text', async () => {
    const scratch = createScratch('auto');
    const file = join(scratch.path, 'tags.gguf');
    writeRandomGguf(file, { seed: 3, contextLength: 10_240, tags: ['<tool_call>'] });
    const { engine } = await startTestEngine({ file, sequences: atOnce, context: 'max' });
    try {
      const logitBias = { ...closing, [firstRandomTag]: 3 };
      let calls = 0;
      const jobs = partOf(
        tools.flatMap((tool) => seeds.map((seed) => ({ tool, seed }))),
        20,
      );
      const problems = await gather(jobs, async ({ tool, seed }) => {
        const offered = [{ ...tool, strict: false }];
        const { events, end } = await ask(engine, 'Do it.', {
          seed,
          tools: offered,
          logitBias,
          maxTokens: 800,
        });
        const made = callsOf(events).map((one) => ({ id: '', ...one }));
        if (end === 'length') made.pop();
        calls += made.length;
        const honest = end === (made.length > 0 ? 'tool_calls' : 'stop') || end === 'length';
        return [
          ...(honest ? [] : [`${made.length} calls ended in ${end}`]),
          ...made.flatMap((one) => judge.problemOf([tool], one) ?? []),
        ];
      });
      expect(problems).toEqual([]);
      expect(calls).toBeGreaterThan(jobs.length / 2);
    } finally {
      await engine.stop();
      scratch.remove();
    }
  });
});
