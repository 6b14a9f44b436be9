import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ok, type Result } from '../../domain/failure.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompiledGrammar } from './compile-schema.ts';
import { type CompileWorker, createCompileThread } from './compile-thread.ts';

const job: CompileJob = { kind: 'schema', schema: { type: 'integer' }, path: 's' };
const other: CompileJob = { kind: 'schema', schema: { type: 'string' }, path: 't' };
const grammar = ok({ gbnf: 'root', ruleCount: 1, mostDerivations: 1 });
const owner: TaskOwner = { keyId: 'k', signal: new AbortController().signal };

class FakeWorker extends EventEmitter implements CompileWorker {
  readonly jobs: CompileJob[] = [];
  terminated = false;
  held = true;
  constructor() {
    super();
    queueMicrotask(() => this.emit('message', 'ready'));
  }
  answers(answer: Result<CompiledGrammar>, tookMs = 1): void {
    this.emit('message', { answer, tookMs });
  }
  ref(): void {
    this.held = true;
  }
  postMessage(posted: CompileJob): void {
    this.jobs.push(posted);
  }
  unref(): void {
    this.held = false;
  }
  terminate(): Promise<void> {
    this.terminated = true;
    return Promise.resolve();
  }
}

/** The thread has said that it is ready. */
const ready = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function started() {
  const workers: FakeWorker[] = [];
  const start = (): FakeWorker => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker;
  };
  return { workers, start };
}

test('jobs are run one after the other by one thread that keeps no process alive', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start });
  expect(workers).toEqual([]);
  const both = [thread.run(job, owner), thread.run(other, owner)];
  await ready();
  expect(workers[0]?.jobs).toEqual([job]);
  workers[0]?.answers(grammar);
  expect(workers[0]?.jobs).toEqual([job, other]);
  workers[0]?.answers(grammar);
  expect(await Promise.all(both)).toEqual([grammar, grammar]);
  expect([workers.length, workers[0]?.held]).toEqual([1, false]);
  await thread.close();
  expect(workers[0]?.terminated).toBe(true);
});

test('a thread that dies fails the job it had, and the next one gets a new thread', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start });
  const both = [thread.run(job, owner), thread.run(other, owner)];
  await ready();
  workers[0]?.emit('exit');
  expect(await both[0]).toMatchObject({ ok: false, failure: { code: 'internal_error' } });
  await ready();
  expect(workers[1]?.jobs).toEqual([other]);
  // The dead one has no say any more.
  workers[0]?.answers(ok({ gbnf: 'late', ruleCount: 1, mostDerivations: 1 }));
  workers[1]?.answers(grammar);
  expect(await both[1]).toEqual(grammar);
  await thread.close();
});

test('the real thread, idle, keeps no process alive', async () => {
  const script = `
    const { createCompileThread } = await import(process.argv[1]);
    const held = setInterval(() => {}, 1000);
    const result = await createCompileThread().run(${JSON.stringify(job)}, { keyId: 'k', signal: new AbortController().signal });
    clearInterval(held);
    console.log(result.ok);
  `;
  const flags = ['--conditions=tailrace-source', '--input-type=module', '--eval', script];
  const module = new URL('./compile-thread.ts', import.meta.url).href;
  // Ended by the time limit where it stays alive.
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, module], { timeout: 9000 });
  expect(stdout).toBe('true\n');
});

test('the real thread is replaced when it is killed midway', async () => {
  const { Worker } = await import('node:worker_threads');
  const made: InstanceType<typeof Worker>[] = [];
  const start = (): CompileWorker => {
    const worker = new Worker(new URL('./compile-worker.ts', import.meta.url), {
      execArgv: ['--conditions=tailrace-source'],
    });
    made.push(worker);
    return worker;
  };
  const thread = createCompileThread({ start });
  const killed = thread.run(job, owner);
  await new Promise((resolve) => made[0]?.once('message', resolve));
  await made[0]?.terminate();
  expect(await killed).toMatchObject({ ok: false, failure: { code: 'internal_error' } });
  expect(await thread.run(other, owner)).toMatchObject({ ok: true });
  expect(made).toHaveLength(2);
  await thread.close();
});

test('a job over its time ends its thread and is told to come again', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start, limitMs: 1 });
  expect(await thread.run(job, owner)).toMatchObject({ ok: false, failure: { code: 'overloaded' } });
  expect(workers[0]?.terminated).toBe(true);
  await thread.close();
});

test('beyond the queue a job is refused, and one that nobody wants any more is left out', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start, queue: 1 });
  const left = new AbortController();
  const first = thread.run(job, owner);
  await ready();
  const second = thread.run(other, { ...owner, signal: left.signal });
  expect(await thread.run(job, owner)).toMatchObject({ ok: false, failure: { code: 'overloaded' } });
  left.abort();
  workers[0]?.answers(grammar);
  expect(await first).toEqual(grammar);
  expect(await second).toMatchObject({ ok: false });
  expect(workers[0]?.jobs).toEqual([job]);
  await thread.close();
});

test('closing fails what runs and what waits', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start });
  const both = [thread.run(job, owner), thread.run(other, owner)];
  await thread.close();
  expect((await Promise.all(both)).map((result) => !result.ok && result.failure.code)).toEqual([
    'draining',
    'draining',
  ]);
  expect(workers[0]?.terminated).toBe(true);
  expect(await thread.run(job, owner)).toMatchObject({ ok: false, failure: { code: 'draining' } });
});

/** 0.5 to 1 s of work, and each another. */
const heavy = (number: number): CompileJob => ({
  kind: 'schema',
  path: 's',
  schema: {
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [
        `p${index}`,
        { type: 'string', pattern: `^(a|b)*a(a|b){6}c${number}x${index}$` },
      ]),
    ),
  },
});

test('the real thread serves a light schema behind the heavy one that runs, whatever else forty keys have waiting', async () => {
  const thread = createCompileThread();
  let compiled = 0;
  const asked = (keyId: string, one: CompileJob) =>
    thread.run(one, { ...owner, keyId }).then((result) => {
      compiled += 1;
      return result;
    });
  // Known for its short schemas.
  for (let count = 0; count < 6; count++) expect(await asked('light', job)).toMatchObject({ ok: true });
  const flood = Array.from({ length: 40 }, (_, key) => asked(`heavy ${key}`, heavy(key)));
  const before = compiled;
  expect(await asked('light', other)).toMatchObject({ ok: true });
  expect(compiled - before).toBeLessThanOrEqual(2);
  await thread.close();
  expect(
    (await Promise.all(flood)).filter((result) => !result.ok && result.failure.code === 'overloaded'),
  ).toEqual([]);
});

test('a key whose schemas took too much time is refused in words, and another key is served', async () => {
  const { workers, start } = started();
  const thread = createCompileThread({ start, budget: { freeMs: 100, burstMs: 1_000, refill: 0.25 } });
  const jobs = [thread.run(job, owner), thread.run(other, owner)];
  await ready();
  workers[0]?.answers(grammar, 2_100);
  expect(await jobs[0]).toEqual(grammar);
  for (const refused of [await jobs[1], await thread.run(job, owner)]) {
    expect(refused).toMatchObject({
      ok: false,
      failure: { code: 'overloaded', blameless: true, message: expect.stringMatching(/Try again in [45] s/) },
    });
    expect(!refused?.ok && refused?.failure.retryAfterMs).toBeGreaterThan(3_000);
  }
  const light = thread.run(other, { ...owner, keyId: 'light' });
  workers[0]?.answers(grammar);
  expect(await light).toEqual(grammar);
  await thread.close();
});
