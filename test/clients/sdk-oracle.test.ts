// Two judges of odd answers of upstreams (`support/upstream-inputs`): what the table says is right, and what OpenAI's own SDKs
// get when they read the upstream themselves. Whatever an SDK gets there without an exception, it also gets through this
// server, or more; each exception is in the table with its reason.

import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneAttempt } from '../support/lab.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { upstreamInputs } from '../support/upstream-inputs/all-inputs.ts';
import {
  type DifferenceField,
  differenceFields,
  type FailedAnswer,
  type UpstreamInput,
  type WholeAnswer,
} from '../support/upstream-inputs/input.ts';
import { counted } from '../support/upstream-inputs/openai-wire.ts';
import { type InputServer, serveInputs } from '../support/upstream-inputs/serve-inputs.ts';
import { type Client, type Outcome, startClient } from './client.ts';
import { missingIn, parsed, type Reading, readChunks, readCompletion } from './sdk-reading.ts';

/** How a user reads an answer: chunk by chunk, by the SDK's own accumulator, or without streaming. */
const ways = ['seeChunks', 'seeAccumulated', 'seeWhole'] as const;
type Way = (typeof ways)[number];

const sdks = [
  { name: 'openai for Node', driver: { file: 'openai.mjs', argument: 'openai' } },
  { name: 'openai for Python', driver: { file: 'openai_sync.py' } },
] as const;

/** The accumulator for Python raises these for a whole answer, because it could not be parsed into a caller's type. */
const raisedForFinish: Readonly<Record<string, string>> = {
  LengthFinishReasonError: 'length',
  ContentFilterFinishReasonError: 'content_filter',
};

let inputs: InputServer;
let server: TestServer;

beforeAll(async () => {
  inputs = await serveInputs();
  server = await startServer({ model: 'none', config: { ...configFor(inputs.port), ...oneAttempt } });
});
afterAll(async () => {
  await server?.stop();
  await inputs?.close();
});

/** By input: what an SDK got from the upstream itself and not through this server. */
const found = new Map<string, Set<DifferenceField>>();

describe.each(sdks)('$name', ({ driver }) => {
  let client: Client;
  beforeAll(() => {
    client = startClient(driver);
  });
  afterAll(async () => {
    await client.close();
  });

  const through = (op: Way, { name }: UpstreamInput): Promise<Outcome> =>
    client.call({ op, baseUrl: `${server.baseUrl}/v1`, apiKey: server.apiKey, request: requestFor(name) });
  const directly = (op: Way, { name }: UpstreamInput): Promise<Outcome> =>
    client.call({
      op,
      baseUrl: `http://127.0.0.1:${inputs.port}/v1`,
      apiKey: 'none',
      request: requestFor(name),
    });

  test.each(upstreamInputs)('$oddity: $name', async (input) => {
    // One line each: hundreds of inputs may fail at once.
    const wrong: string[] = [];
    for (const way of ways) {
      const outcome = await through(way, input);
      const comparable = input.upstream === 'openai' && (way === 'seeWhole') === (input.form === 'json');
      const direct = comparable ? await directly(way, input) : undefined;
      if (!raisesTheSame(outcome, direct)) {
        const { right } = input;
        const problems = 'fails' in right ? notFailed(outcome, way, right) : notWhole(outcome, way, right);
        if (problems.length > 0) wrong.push(`${way}: ${JSON.stringify(problems)}`);
      }
      // An exception of an accumulator leaves nothing to compare.
      if (direct === undefined || direct.error !== null) continue;
      if (way === 'seeAccumulated' && outcome.error !== null) continue;
      const missing = missingIn(readingOf(outcome, way), readingOf(direct, way));
      const undeclared = missing.filter((field) => input.differs?.[field] === undefined);
      if (undeclared.length > 0) {
        wrong.push(
          `${way} ${undeclared.join()}: directly ${JSON.stringify(readingOf(direct, way))}, through the server ${JSON.stringify(readingOf(outcome, way))}`,
        );
      }
      const fields = found.get(input.name) ?? new Set();
      for (const field of missing) fields.add(field);
      found.set(input.name, fields);
    }
    expect(wrong).toEqual([]);
  });
});

test('each difference that the table declares is one', () => {
  const declared = upstreamInputs.flatMap(({ name, differs }) =>
    differenceFields.filter((field) => differs?.[field] !== undefined).map((field) => `${name}: ${field}`),
  );
  expect(declared.filter((one) => !isFound(one))).toEqual([]);

  function isFound(one: string): boolean {
    const [name = '', field] = one.split(': ');
    return [...(found.get(name) ?? [])].some((other) => other === field);
  }
});

function requestFor(model: string) {
  return { model, messages: [{ role: 'user', content: 'Greet the world.' }] };
}

function readingOf({ seen }: Outcome, way: Way): Reading {
  return way === 'seeChunks' ? readChunks(seen) : readCompletion(seen[0]);
}

/** The SDK cannot read the output itself: it raises the same exception of its own, with this server and without. */
function raisesTheSame({ error }: Outcome, direct: Outcome | undefined): boolean {
  const ofApi = error?.code != null || error?.status != null;
  return error !== null && !ofApi && direct?.error?.message === error.message;
}

/** What is wrong with an answer that has to be whole. */
function notWhole(outcome: Outcome, way: Way, right: WholeAnswer): readonly unknown[] {
  const { error } = outcome;
  if (error !== null) {
    const finish = error.classes.map((name) => raisedForFinish[name]).find((reason) => reason !== undefined);
    if (way === 'seeAccumulated' && finish !== undefined && finish === right.finish) return [];
    return [{ error }];
  }
  const reading = readingOf(outcome, way);
  const { text = '', reasoning = '', refusal = '', calls = [], other = {} } = right;
  // The accumulator for Node keeps only the last value of a field that it does not know.
  const unknown = way !== 'seeAccumulated';
  const due = {
    text,
    refusal,
    calls,
    finish: right.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop'),
    ...(unknown && { reasoning, other }),
  };
  const is = {
    text: reading.text,
    refusal: reading.refusal,
    calls: reading.calls.map(({ name, arguments: given }) => ({ name, arguments: parsed(given) })),
    finish: reading.finish,
    ...(unknown && { reasoning: reading.reasoning, other: reading.other }),
  };
  const same = isDeepStrictEqual(is, due);
  return [...(same ? [] : [{ is, due }]), ...wrongCounts(reading, right), ...wrongIds(reading)];
}

function wrongCounts({ usage }: Reading, right: WholeAnswer): readonly unknown[] {
  const due = right.usage === 'estimated' ? {} : (right.usage ?? counted);
  const detail = (group: string, name: string) =>
    (usage?.[group] as Record<string, unknown> | undefined)?.[name];
  const is = {
    prompt: usage?.['prompt_tokens'],
    completion: usage?.['completion_tokens'],
    total: usage?.['total_tokens'],
    cached: detail('prompt_tokens_details', 'cached_tokens'),
    reasoning: detail('completion_tokens_details', 'reasoning_tokens'),
  };
  const possible =
    isCount(is.prompt) &&
    Number.isInteger(is.completion) &&
    // An empty answer has no tokens, which may be so.
    (Number(is.completion) > 0 || right.text === '') &&
    is.total === Number(is.prompt) + Number(is.completion);
  const as = Object.entries(due).every(([name, count]) => is[name as keyof typeof is] === count);
  return possible && as ? [] : [{ usage: is, due }];
}

/** Each call has an id of its own. */
function wrongIds({ calls }: Reading): readonly unknown[] {
  const ids = calls.map(({ id }) => id);
  return ids.every((id, index) => id !== null && ids.indexOf(id) === index) ? [] : [{ ids }];
}

/** What is wrong with an answer that has to end in an error: before its output, or after it where it streams. */
function notFailed({ error, seen }: Outcome, way: Way, right: FailedAnswer): readonly unknown[] {
  const finish = way === 'seeChunks' ? readChunks(seen).finish : null;
  const early = right.status !== undefined || way === 'seeWhole';
  const asStated =
    error?.code === right.fails &&
    (error.status !== null && error.status !== undefined) === early &&
    finish === null;
  const status = right.status === undefined || error?.status === right.status;
  return asStated && status ? [] : [{ error, seen, right }];
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0;
}

function configFor(port: number): ConfigTree {
  const presets = [...new Set(upstreamInputs.flatMap(({ preset }) => preset ?? []))];
  const origin = `http://127.0.0.1:${port}`;
  const openai = { kind: 'openai', base_url: `${origin}/v1`, api_key: 'none' };
  const ofPresets = presets.map((preset) => [`openai-${preset}`, { ...openai, preset }] as const);
  return {
    upstreams: {
      openai,
      ...Object.fromEntries(ofPresets),
      anthropic: { kind: 'anthropic', base_url: origin, api_key: 'none' },
      gemini: { kind: 'gemini', base_url: origin, api_key: 'none' },
    },
    models: Object.fromEntries(
      upstreamInputs.map(({ name, upstream, preset }) => [
        name,
        { targets: [{ upstream: preset === undefined ? upstream : `${upstream}-${preset}`, model: name }] },
      ]),
    ),
  };
}
