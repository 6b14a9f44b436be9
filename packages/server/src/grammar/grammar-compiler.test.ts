import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { fail, failure, ok } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { TaskOwner } from '../worker/killable-thread.ts';
import type { CompileJob } from './compile/compile-job.ts';
import type { CompileThread } from './compile/compile-thread.ts';
import { createGrammarCompiler, type GrammarCompiler } from './grammar-compiler.ts';

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
  answer(result?: ReturnType<typeof fail>): void;
}

function fakeThread(): FakeThread {
  const jobs: CompileJob[] = [];
  const wanted: (() => boolean)[] = [];
  const done: ((result: never) => void)[] = [];
  return {
    jobs,
    wanted,
    run(job, { signal }) {
      jobs.push(job);
      wanted.push(() => !signal.aborted);
      return new Promise((resolve) => done.push(resolve as (result: never) => void));
    },
    answer(result) {
      done.shift()?.((result ?? ok({ gbnf: 'root', ruleCount: 1, mostDerivations: 1 })) as never);
    },
    close: () => Promise.resolve(),
  };
}

describe('in place', () => {
  test('a small schema is compiled at once, and known afterwards', () => {
    const compiler = compilerWith(fakeThread());
    const job = schemaJob({ type: 'object', properties: { a: { type: 'integer' } } });
    const first = compiler.compile(job, owner);
    expect(first).toMatchObject({ ok: true });
    expect(compiler.compile(structuredClone(job), owner)).toBe(first);
  });

  test('a schema beyond all bounds is refused before anything is written of it', () => {
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

  test('what is refused there names its place', async () => {
    const result = await compilerWith().compile(schemaJob({ properties: { a: { if: {} } } }), owner);
    expect(result).toMatchObject({
      ok: false,
      failure: { code: 'unsupported_parameter', param: 's.properties.a.if' },
    });
  });

  test('those who ask for the same wait for one computation, and it is known afterwards', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const both = [compiler.compile(schemaJob(worst), owner), compiler.compile(schemaJob(worst), owner)];
    thread.answer();
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
    expect(thread.jobs).toHaveLength(1);
    expect(compiler.compile(schemaJob(worst), owner)).toBe(one);
  });

  test('a job is wanted as long as one of those who asked is there', () => {
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

  test('a death is not remembered, a refusal is', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const died = compiler.compile(schemaJob(worst), owner);
    thread.answer(fail(failure('internal_error', 'died')));
    expect(await died).toMatchObject({ ok: false, failure: { code: 'internal_error' } });
    const refused = compiler.compile(schemaJob(worst), owner);
    thread.answer(fail(failure('invalid_value', 'no')));
    const refusal = await refused;
    expect(compiler.compile(schemaJob(worst), owner)).toBe(refusal);
    expect(thread.jobs).toHaveLength(2);
  });

  test('each key has a computation of its own, and the first that is done serves all', async () => {
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

  test('a refusal of one key’s time is no other key’s', async () => {
    const thread = fakeThread();
    const compiler = compilerWith(thread);
    const refused = compiler.compile(schemaJob(worst), owner);
    const other = compiler.compile(schemaJob(worst), { ...owner, keyId: 'other' });
    thread.answer(fail(failure('overloaded', 'too much')));
    expect(await refused).toMatchObject({ ok: false, failure: { code: 'overloaded' } });
    thread.answer();
    expect(await other).toMatchObject({ ok: true });
  });
});

test('a key with ever new schemas displaces no other key’s', () => {
  const thread = fakeThread();
  const compiler = compilerWith(thread);
  const small = (name: string) => schemaJob({ type: 'object', properties: { [name]: { type: 'integer' } } });
  const mine = compiler.compile(small('mine'), owner);
  for (let number = 0; number < 400; number++) {
    compiler.compile(small(`p${number}`), { ...owner, keyId: 'other' });
  }
  expect(compiler.compile(small('mine'), owner)).toBe(mine);
});
