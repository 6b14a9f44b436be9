import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { TaskOwner, ThreadOutcome } from '../worker/killable-thread.ts';
import type { CompileJob } from './compile/compile-job.ts';
import {
  type CompiledGrammar,
  type CompileThread,
  createGrammarCompiler,
  type GrammarCompiler,
} from './grammar-compiler.ts';

const owner: TaskOwner = { keyId: 'k', signal: new AbortController().signal };
let open: GrammarCompiler[] = [];
afterEach(async () => {
  await Promise.all(open.map((compiler) => compiler.close()));
  open = [];
});

function compilerWith(thread?: CompileThread): GrammarCompiler {
  const compiler = createGrammarCompiler(thread);
  open.push(compiler);
  return compiler;
}

const schemaJob = (schema: JsonValue): CompileJob => ({ kind: 'schema', schema, path: 's' });
/** Near the limit of what is computed for strings. */
const worst: JsonValue = {
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [
      `p${index}`,
      { type: 'string', pattern: `^(a|b)*a(a|b){6}c${index}$` },
    ]),
  ),
};

interface FakeThread extends CompileThread {
  readonly jobs: CompileJob[];
  readonly wanted: (() => boolean)[];
  /** Ends the oldest job: with this failure of the compiler, or with a grammar. */
  answer(result?: Result<CompiledGrammar>): void;
  /** Ends the oldest job without an answer, or with one. */
  end(outcome: ThreadOutcome<Result<CompiledGrammar>>): void;
}

const grammar = ok({ gbnf: 'root', ruleCount: 1, mostDerivations: 1 });

function fakeThread(): FakeThread {
  const jobs: CompileJob[] = [];
  const wanted: (() => boolean)[] = [];
  const done: ((outcome: ThreadOutcome<Result<CompiledGrammar>>) => void)[] = [];
  const end = (outcome: ThreadOutcome<Result<CompiledGrammar>>): void => done.shift()?.(outcome);
  return {
    jobs,
    wanted,
    run(job, { signal }) {
      jobs.push(job);
      wanted.push(() => !signal.aborted);
      return new Promise((resolve) => done.push(resolve));
    },
    answer: (result = grammar) => end({ type: 'done', answer: result }),
    end,
    restsForMs: () => 0,
    close: () => Promise.resolve(),
  };
}

describe('in place', () => {
  test('a small schema is compiled at once, and remembered', () => {
    const compiler = compilerWith(fakeThread());
    const job = schemaJob({ type: 'object', properties: { a: { type: 'integer' } } });
    const first = compiler.compile(job, owner);
    expect(first).toMatchObject({ ok: true });
    expect(compiler.compile(structuredClone(job), owner)).toBe(first);
  });

  test('a schema beyond the limits is refused before it is written as text', () => {
    const thread = fakeThread();
    const schema = { enum: Array.from({ length: 60_000 }, (_, index) => index) };
    expect(compilerWith(thread).compile(schemaJob(schema), owner)).toMatchObject({
      ok: false,
      failure: { code: 'invalid_value', param: 's' },
    });
    expect(thread.jobs).toEqual([]);
  });
});

describe('in a thread', () => {
  test('the loop lives while the worst schema is compiled', async () => {
    const compiled = compilerWith().compile(schemaJob(worst), owner);
    expect(compiled).toBeInstanceOf(Promise);
    let over = false;
    let turns = 0;
    void Promise.resolve(compiled).then(() => {
      over = true;
    });
    while (!over) {
      await setImmediate();
      turns += 1;
    }
    expect(await compiled).toMatchObject({ ok: true });
    // In place there would be one or two.
    expect(turns).toBeGreaterThan(100);
  });

  test('a refusal by the thread names the place in the schema', async () => {
    const result = await compilerWith().compile(schemaJob({ properties: { a: { if: {} } } }), owner);
    expect(result).toMatchObject({
      ok: false,
      failure: { code: 'unsupported_parameter', param: 's.properties.a.if' },
    });
  });

  test('equal jobs of one key share one computation, and its grammar is remembered', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const both = [compiler.compile(schemaJob(worst), owner), compiler.compile(schemaJob(worst), owner)];
    thread.answer();
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
    expect(thread.jobs).toHaveLength(1);
    expect(compiler.compile(schemaJob(worst), owner)).toBe(one);
  });

  test('a job is given up when every request that wants it is gone', () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const [first, second] = [new AbortController(), new AbortController()];
    for (const { signal: own } of [first, second])
      void compiler.compile(schemaJob(worst), { keyId: 'k', signal: own });
    first.abort();
    expect(thread.wanted.map((wanted) => wanted())).toEqual([true]);
    second.abort();
    expect(thread.wanted.map((wanted) => wanted())).toEqual([false]);
  });

  test('the death of a thread is not remembered, a refusal is', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const died = compiler.compile(schemaJob(worst), owner);
    thread.end({ type: 'died', why: 'out of memory' });
    expect(await died).toMatchObject({ ok: false, failure: { code: 'internal_error' } });
    const refused = compiler.compile(schemaJob(worst), owner);
    thread.answer(fail(failure('invalid_value', 'no')));
    const refusal = await refused;
    expect(compiler.compile(schemaJob(worst), owner)).toBe(refusal);
    expect(thread.jobs).toHaveLength(2);
  });

  test('each key has a computation of its own, and the first grammar is for all keys', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const other = { ...owner, keyId: 'other' };
    const asked = [compiler.compile(schemaJob(worst), owner), compiler.compile(schemaJob(worst), other)];
    expect(thread.jobs).toHaveLength(2);
    thread.answer();
    const [one, two] = await Promise.all(asked);
    expect(one).toBe(two);
    expect(thread.wanted[1]?.()).toBe(false);
  });

  test('a key whose time is spent is refused, and another key is not', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const refused = compiler.compile(schemaJob(worst), owner);
    const other = compiler.compile(schemaJob(worst), { ...owner, keyId: 'other' });
    thread.end({ type: 'spent', retryAfterMs: 8_000 });
    expect(await refused).toMatchObject({ ok: false, failure: { code: 'overloaded' } });
    thread.answer();
    expect(await other).toMatchObject({ ok: true });
  });
});

test.each<[ThreadOutcome<never>, Partial<Failure>]>([
  [
    { type: 'late', limitMs: 10_000 },
    {
      code: 'overloaded',
      message: 'The schema took too long to compile: this machine is too busy, or the schema too large.',
      retryAfterMs: 1_000,
      blameless: true,
    },
  ],
  [
    { type: 'died', why: 'out of memory' },
    {
      code: 'internal_error',
      message: 'The schema could not be compiled.',
      detail: 'the thread that compiles schemas died',
      wording: 'out of memory',
      blameless: true,
    },
  ],
  [
    { type: 'full' },
    {
      code: 'overloaded',
      message: 'Too many schemas of this key wait to be compiled. Try again in a moment.',
      retryAfterMs: 1_000,
      blameless: true,
    },
  ],
  [
    { type: 'spent', retryAfterMs: 4_400 },
    {
      code: 'overloaded',
      message:
        'The schemas of this key took too much time to compile lately. Try again in 5 s, or send a simpler schema.',
      retryAfterMs: 4_400,
      blameless: true,
    },
  ],
  [
    { type: 'dropped' },
    { code: 'draining', message: 'The request was given up before its schema was compiled.' },
  ],
  [{ type: 'closed' }, { code: 'draining', message: 'The local engine is shutting down.', blameless: true }],
])('a job that ends with %j on the thread fails', async (outcome, expected) => {
  const thread = fakeThread();
  const compiled = compilerWith(thread).compile(schemaJob(worst), owner);
  thread.end(outcome);
  expect(await compiled).toEqual({ ok: false, failure: expected });
});

test('a key with many new schemas displaces no grammar of another key', () => {
  const thread = fakeThread();
  const compiler = compilerWith(thread);
  const small = (name: string) => schemaJob({ type: 'object', properties: { [name]: { type: 'integer' } } });
  const mine = compiler.compile(small('mine'), owner);
  for (let number = 0; number < 400; number++) {
    compiler.compile(small(`p${number}`), { ...owner, keyId: 'other' });
  }
  expect(compiler.compile(small('mine'), owner)).toBe(mine);
});
