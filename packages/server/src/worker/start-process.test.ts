import { expect, onTestFinished, test } from 'vitest';
import { createKillableThread } from './killable-thread.ts';
import { startProcess } from './start-process.ts';

/** Tasks for `testing/arithmetic-process.ts`. */
function ownThread(options: { readonly taskMs?: number; readonly idleMs?: number } = {}) {
  const starts: ReturnType<typeof startProcess>[] = [];
  const thread = createKillableThread<{ readonly ask: string }, unknown>({
    start() {
      const started = startProcess<{ readonly ask: string }, unknown>(
        import.meta.url,
        'testing/answering-process',
        64,
      );
      starts.push(started as never);
      return started;
    },
    taskMs: 20_000,
    ...options,
  });
  onTestFinished(() => thread.close());
  const owner = { keyId: 'a', signal: new AbortController().signal };
  return { starts, run: (ask: string) => thread.run({ ask }, owner) };
}

test('a process answers tasks one after the other, and has no environment of its parent', async () => {
  const { starts, run } = ownThread();
  const [first, second] = await Promise.all([run('pid'), run('pid')]);
  expect(first).toMatchObject({ type: 'done', answer: expect.any(Number) });
  expect(second).toEqual(first);
  expect(first).not.toMatchObject({ answer: process.pid });
  expect(await run('environment')).toEqual({ type: 'done', answer: [] });
  expect(starts.length).toBe(1);
});

test('a task that takes too long ends the process, one that dies is named, and the next one has another process', async () => {
  const { starts, run } = ownThread({ taskMs: 2_000 });
  await run('pid');
  expect(await run('hang')).toMatchObject({ type: 'late' });
  expect(await run('die')).toMatchObject({ type: 'died' });
  expect(await run('pid')).toMatchObject({ type: 'done' });
  expect(starts.length).toBe(3);
});
