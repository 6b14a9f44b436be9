import { expect, it } from 'vitest';
import { createReloadQueue } from './reload-queue.ts';

/** A queue whose reloads end when the test calls their functions in `runs`. */
function queueOf() {
  const runs: ((answer: number) => void)[] = [];
  const queue = createReloadQueue(() => new Promise<number>((resolve) => runs.push(resolve)));
  return { queue, runs };
}

it('a thousand requests at once are two reloads: the first one, and one for all requests that came while it ran', async () => {
  const { queue, runs } = queueOf();
  const asked = Array.from({ length: 1_000 }, () => queue.request());
  runs[0]?.(1);
  await expect.poll(() => runs.length).toBe(2);
  runs[1]?.(2);
  const answers = await Promise.all(asked);
  expect([answers[0], new Set(answers.slice(1))]).toEqual([1, new Set([2])]);
  expect(runs).toHaveLength(2);
});

it('a request after the end of a reload starts a reload of its own', async () => {
  const { queue, runs } = queueOf();
  for (const round of [0, 1, 2]) {
    const answer = queue.request();
    runs[round]?.(round);
    expect(await answer).toBe(round);
  }
});

it('a queue that is closed answers every request at once, even while a reload never ends, and starts no other', async () => {
  const { queue, runs } = queueOf();
  const asked = [queue.request(), queue.request()];
  queue.close(-1);
  expect(await Promise.all([...asked, queue.request()])).toEqual([-1, -1, -1]);
  runs[0]?.(1);
  await Promise.resolve();
  expect(runs).toHaveLength(1);
});
