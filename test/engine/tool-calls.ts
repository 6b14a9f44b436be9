import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { createJudge } from '../../packages/server/src/grammar/testing/judge.ts';
import type { TestServer } from '../support/server.ts';
import { type Answer, type Called, complete, type Fields } from './completion.ts';
import { tokenOf } from './parameters/row.ts';

/** A tool as a request offers it. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters: JsonValue;
}

/** Each tool is asked once with each of these. */
export const seeds = [1, 2, 3];
/** Requests under way together. */
export const atOnce = 4;
/** Biases towards closing texts, lists and objects, so that most calls are whole. */
export const closing = { [tokenOf('"')]: 5, [tokenOf('}')]: 5, [tokenOf(']')]: 5 };

/** The JSON of a file in `fixtures/`, in the shape that the caller knows. */
export function readFixture<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as Shape;
}

/** Offers tools to the server's random model, streaming. */
export function callTools(server: TestServer, offered: readonly Tool[], more: Fields): Promise<Answer> {
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

/** Checks calls by the schemas of the tools that they name; each schema is compiled once. */
export interface CallJudge {
  /** What is wrong with an answer to which these tools were offered; a call that `length` cut is left out. */
  problemsOf(offered: readonly Tool[], answer: Answer): string[];
  /** What is wrong with one call, undefined where nothing is. */
  problemOf(offered: readonly Tool[], call: Called): string | undefined;
}

export function createCallJudge(tools: readonly Tool[]): CallJudge {
  const judges = new Map(tools.map(({ name, parameters }) => [name, createJudge(parameters)]));

  function problemOf(offered: readonly Tool[], { name, arguments: text }: Called): string | undefined {
    if (!offered.some((tool) => tool.name === name)) return `${name} was not offered`;
    try {
      return judges.get(name)?.(JSON.parse(text)) === true ? undefined : `${name}: ${text}`;
    } catch {
      return `${name} is not JSON: ${text}`;
    }
  }

  return {
    problemOf,
    problemsOf(offered, { choices, error }) {
      if (error !== undefined) return [JSON.stringify(error)];
      return choices.flatMap((choice) => {
        const whole = choice.finish === 'length' ? choice.calls.slice(0, -1) : choice.calls;
        const expected = choice.finish === 'length' || choice.finish === 'tool_calls';
        return [
          ...(expected ? [] : [`ended in ${choice.finish}`]),
          ...whole.flatMap((made) => problemOf(offered, made) ?? []),
        ];
      });
    },
  };
}

/** Runs jobs, a few at a time, and collects their findings. */
export async function gather<Job>(
  jobs: readonly Job[],
  work: (job: Job) => Promise<string[]>,
): Promise<string[]> {
  const found: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) found.push(...(await work(job)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
}

/** The results of calls of tools that were asked for by name. */
export interface NamedCalls {
  readonly problems: readonly string[];
  readonly asked: number;
  /** Calls that were written to their end. */
  readonly whole: number;
  /** Pieces in which all arguments came. */
  readonly pieces: number;
}

/** Asks for each tool by its name, once with every seed. */
export async function callEachByName(
  server: TestServer,
  tools: readonly Tool[],
  judge: CallJudge,
): Promise<NamedCalls> {
  const jobs = tools.flatMap((tool) => seeds.map((seed) => ({ tool, seed })));
  let whole = 0;
  let pieces = 0;
  const problems = await gather(jobs, async ({ tool, seed }) => {
    const choice = { type: 'function', function: { name: tool.name } };
    const answer = await callTools(server, [tool], { seed, tool_choice: choice });
    const [first] = answer.choices;
    if (first?.finish === 'tool_calls') whole++;
    pieces += answer.pieces;
    const names = first?.calls.map(({ name }) => name) ?? [];
    return [
      ...judge.problemsOf([tool], answer),
      ...(names.join() === tool.name ? [] : [`${tool.name}: called ${names.join() || 'nothing'}`]),
    ];
  });
  return { problems, asked: jobs.length, whole, pieces };
}
