import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import { createCompileThread } from '../grammar-compiler.ts';
import type { CompileJob } from './compile-job.ts';

const job: CompileJob = { kind: 'schema', schema: { type: 'integer' }, path: 's' };
const other: CompileJob = { kind: 'schema', schema: { type: 'string' }, path: 't' };
const owner: TaskOwner = { keyId: 'k', signal: new AbortController().signal };
const compiled = { type: 'done', answer: { ok: true } };

test('an idle worker keeps no process alive', async () => {
  const script = `
    const { createCompileThread } = await import(process.argv[1]);
    const held = setInterval(() => {}, 1000);
    const outcome = await createCompileThread().run(${JSON.stringify(job)}, { keyId: 'k', signal: new AbortController().signal });
    clearInterval(held);
    console.log(outcome.answer.ok);
  `;
  const flags = ['--conditions=tailrace-source', '--input-type=module', '--eval', script];
  const module = new URL('../grammar-compiler.ts', import.meta.url).href;
  // A process that stays alive is ended by the time limit, and the test fails.
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, module], { timeout: 9000 });
  expect(stdout).toBe('true\n');
});

test('a worker that is killed while it compiles is replaced', async () => {
  const made: Worker[] = [];
  const thread = createCompileThread({
    start() {
      const worker = new Worker(new URL('./compile-worker.ts', import.meta.url), {
        execArgv: ['--conditions=tailrace-source'],
      });
      made.push(worker);
      return worker;
    },
  });
  const killed = thread.run(job, owner);
  await new Promise((resolve) => made[0]?.once('message', resolve));
  await made[0]?.terminate();
  expect(await killed).toMatchObject({ type: 'died' });
  expect(await thread.run(other, owner)).toMatchObject(compiled);
  expect(made).toHaveLength(2);
  await thread.close();
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

test('a light schema is compiled directly after the heavy one that runs, although forty other keys wait', async () => {
  const thread = createCompileThread();
  let done = 0;
  const run = async (keyId: string, one: CompileJob) => {
    const outcome = await thread.run(one, { ...owner, keyId });
    done += 1;
    return outcome;
  };
  // From now on the thread expects short schemas of this key.
  for (let count = 0; count < 6; count++) expect(await run('light', job)).toMatchObject(compiled);
  const flood = Array.from({ length: 40 }, (_, key) => run(`heavy ${key}`, heavy(key)));
  const before = done;
  expect(await run('light', other)).toMatchObject(compiled);
  expect(done - before).toBeLessThanOrEqual(2);
  await thread.close();
  const types = new Set((await Promise.all(flood)).map(({ type }) => type));
  expect([...types].filter((type) => type !== 'done' && type !== 'closed')).toEqual([]);
});
