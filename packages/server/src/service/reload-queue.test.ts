import { expect, it } from 'vitest';
import { createReloadQueue } from './reload-queue.ts';

/** A queue whose runs end when they are let go. */
function queueOf() {
  const runs: ((answer: number) => void)[] = [];
  const queue = createReloadQueue(() => new Promise<number>((resolve) => runs.push(resolve)));
  return { queue, runs };
}

it('a thousand reloads at once are two: the one that runs, and one for all who came meanwhile', async () => {
  const { queue, runs } = queueOf();
  const asked = Array.from({ length: 1_000 }, () => queue.ask());
  runs[0]?.(1);
  await expect.poll(() => runs.length).toBe(2);
  runs[1]?.(2);
  const answers = await Promise.all(asked);
  expect([answers[0], new Set(answers.slice(1))]).toEqual([1, new Set([2])]);
  expect(runs).toHaveLength(2);
});

it('a reload behind one that has ended runs by itself', async () => {
  const { queue, runs } = queueOf();
  for (const round of [0, 1, 2]) {
    const answer = queue.ask();
    runs[round]?.(round);
    expect(await answer).toBe(round);
  }
});

it('a queue that is closed answers all at once, though a reload never ends, and runs no other', async () => {
  const { queue, runs } = queueOf();
  const asked = [queue.ask(), queue.ask()];
  queue.close(-1);
  expect(await Promise.all([...asked, queue.ask()])).toEqual([-1, -1, -1]);
  runs[0]?.(1);
  await Promise.resolve();
  expect(runs).toHaveLength(1);
});
