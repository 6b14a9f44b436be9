// Fifty tools as real agents define them: whatever random weights write, the arguments are valid.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { createJudge } from '../../packages/server/src/engine/grammar/testing/judge.ts';
import { firstRandomTag, writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, callsOf, startTestEngine } from './ask.ts';
import { type Answer, type Called, complete, type Fields } from './completion.ts';
import { tokenOf } from './parameters/row.ts';

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonValue;
}

const { tools } = JSON.parse(readFileSync(new URL('fixtures/tools.json', import.meta.url), 'utf8')) as {
  readonly tools: readonly Tool[];
};
const judges = new Map(tools.map(({ name, parameters }) => [name, createJudge(parameters)]));
const seeds = [1, 2, 3];
const atOnce = 4;

/** What closes a text, a list or an object is likely, so that most calls are whole; what is written is not. */
const closing = { [tokenOf('"')]: 5, [tokenOf('}')]: 5, [tokenOf(']')]: 5 };

let server: TestServer;
beforeAll(async () => {
  // A token of this model is about a byte: the longest five definitions have 6,000 of them.
  server = await startServer({ model: 'random', sequences: atOnce, context: 10_240 });
});
afterAll(async () => {
  await server?.stop();
});

function call(offered: readonly Tool[], more: Fields): Promise<Answer> {
  return complete(server, {
    model: 'random',
    messages: [{ role: 'user', content: 'Do it.' }],
    tools: offered.map((tool) => ({ type: 'function', function: tool })),
    max_tokens: 1500,
    logit_bias: closing,
    stream: true,
    ...more,
  });
}

/** Judges every call of an answer by the schema of the tool it names. */
function problemsOf(offered: readonly Tool[], { choices, error }: Answer): string[] {
  if (error !== undefined) return [JSON.stringify(error)];
  return choices.flatMap((choice) => {
    const whole = choice.finish === 'length' ? choice.calls.slice(0, -1) : choice.calls;
    const expected = choice.finish === 'length' || choice.finish === 'tool_calls';
    return [
      ...(expected ? [] : [`ended in ${choice.finish}`]),
      ...whole.flatMap((made) => problemOf(offered, made) ?? []),
    ];
  });
}

function problemOf(offered: readonly Tool[], { name, arguments: text }: Called): string | undefined {
  if (!offered.some((tool) => tool.name === name)) return `${name} was not offered`;
  try {
    return judges.get(name)?.(JSON.parse(text)) === true ? undefined : `${name}: ${text}`;
  } catch {
    return `${name} is not JSON: ${text}`;
  }
}

/** Runs jobs, a few at a time, and gathers what they found. */
async function gather<Job>(jobs: readonly Job[], work: (job: Job) => Promise<string[]>): Promise<string[]> {
  const found: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) found.push(...(await work(job)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
}

describe('fifty tools', () => {
  test('there are fifty, each with a name of its own', () => {
    expect(judges.size).toBe(50);
  });

  test('each asked for by name is called once, with valid arguments in pieces', async () => {
    const ends = { length: 0, tool_calls: 0 };
    let pieces = 0;
    const jobs = tools.flatMap((tool) => seeds.map((seed) => ({ tool, seed })));
    const problems = await gather(jobs, async ({ tool, seed }) => {
      const choice = { type: 'function', function: { name: tool.name } };
      const answer = await call([tool], { seed, tool_choice: choice });
      const [first] = answer.choices;
      if (first?.finish === 'length') ends.length++;
      else if (first?.finish === 'tool_calls') ends.tool_calls++;
      pieces += answer.pieces;
      const names = first?.calls.map(({ name }) => name) ?? [];
      return [
        ...problemsOf([tool], answer),
        ...(names.join() === tool.name ? [] : [`${tool.name}: called ${names.join() || 'nothing'}`]),
      ];
    });
    expect(problems).toEqual([]);
    expect(ends.tool_calls).toBeGreaterThan(0.8 * jobs.length);
    expect(pieces).toBeGreaterThan(2 * jobs.length);
  });

  test.each([true, false])('offered five at a time some are called, parallel: %s', async (parallel) => {
    const groups = Array.from({ length: 10 }, (_, group) => tools.filter((_, index) => index % 10 === group));
    const jobs = groups.flatMap((offered) => seeds.map((seed) => ({ offered, seed })));
    let most = 0;
    let calls = 0;
    const problems = await gather(jobs, async ({ offered, seed }) => {
      const choice = { tool_choice: 'required', parallel_tool_calls: parallel };
      const answer = await call(offered, { seed, ...choice });
      const made = answer.choices[0]?.calls ?? [];
      most = Math.max(most, made.length);
      calls += made.length;
      const ids = new Set(made.map(({ id }) => id));
      return [...problemsOf(offered, answer), ...(ids.size === made.length ? [] : ['an id came twice'])];
    });
    expect(problems).toEqual([]);
    expect(calls).toBeGreaterThanOrEqual(jobs.length);
    if (parallel) expect(most).toBeGreaterThan(1);
    else expect(most).toBe(1);
  });
});

describe('a model that begins calls by itself', () => {
  test('goes on inside the grammar of what was offered, between pieces of text', async () => {
    const scratch = createScratch('auto');
    const file = join(scratch.path, 'tags.gguf');
    writeRandomGguf(file, { seed: 3, contextLength: 10_240, tags: ['<tool_call>'] });
    const { engine } = await startTestEngine({ file, sequences: atOnce, context: 'max' });
    try {
      const biases = { ...closing, [firstRandomTag]: 3 };
      const logitBias = new Map(Object.entries(biases).map(([id, bias]) => [Number(id), bias]));
      let calls = 0;
      const jobs = tools.flatMap((tool) => seeds.map((seed) => ({ tool, seed })));
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
          ...made.flatMap((one) => problemOf([tool], one) ?? []),
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
