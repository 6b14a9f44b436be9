import { expect, test } from 'vitest';
import { type BorrowedPlaces, borrowedPlaces } from '../worker/borrowed-places.ts';
import { lendPlaces } from './places.ts';

/** Workers of one parent: how many runs each has, and its places. */
function workers(count: number, given: { total: number }) {
  const used = Array.from({ length: count }, () => 0);
  const borrowers: BorrowedPlaces[] = [];
  const places = lendPlaces<number>({
    total: () => given.total,
    workers: count,
    takeBack: async (worker) => borrowers[worker]?.giveBack() ?? 0,
    wait: async () => {},
  });
  for (const worker of used.keys()) {
    borrowers.push(
      borrowedPlaces(places.lendFirst(worker), {
        borrow: () => places.lendMore(worker),
        used: () => used[worker] ?? 0,
      }),
    );
  }
  /** A request at a worker: whether it gets a place. */
  async function begin(worker: number): Promise<boolean> {
    const own = borrowers[worker];
    if (own === undefined) throw new Error('no such worker');
    if ((used[worker] ?? 0) >= own.limit()) await own.more();
    if ((used[worker] ?? 0) >= own.limit()) return false;
    used[worker] = (used[worker] ?? 0) + 1;
    return true;
  }
  return { used, places, begin };
}

test('one worker may have all places, and no worker has more than are left', async () => {
  const { begin, used } = workers(3, { total: 10 });
  for (let n = 0; n < 10; n += 1) expect(await begin(0)).toBe(true);
  for (const worker of [0, 1, 2]) expect(await begin(worker)).toBe(false);
  used[0] = 6;
  for (const worker of [1, 2, 1, 2]) expect(await begin(worker)).toBe(true);
  for (const worker of [0, 1, 2]) expect(await begin(worker)).toBe(false);
});

test.each([1, 2, 3, 4, 5])(
  'requests at once at all workers get exactly the places that there are (%d)',
  async (seed) => {
    const { begin, used } = workers(4, { total: 17 });
    const asked = await Promise.all(Array.from({ length: 100 }, (_, n) => begin((n * seed * 7) % 4)));
    expect(asked.filter(Boolean).length).toBeLessThanOrEqual(17);
    // What nobody got at once is got by those who ask again.
    for (const worker of [0, 1, 2, 3]) while (await begin(worker));
    expect(used.reduce((sum, runs) => sum + runs, 0)).toBe(17);
  },
);

test('the places of a worker that has ended are free', async () => {
  const { begin, places } = workers(2, { total: 4 });
  for (let n = 0; n < 4; n += 1) await begin(0);
  expect(await begin(1)).toBe(false);
  places.gone(0);
  for (let n = 0; n < 4; n += 1) expect(await begin(1)).toBe(true);
  expect(await begin(1)).toBe(false);
});

test('a limit that is lowered holds once enough runs have ended', async () => {
  const given = { total: 10 };
  const { begin, places, used } = workers(2, given);
  for (let n = 0; n < 5; n += 1) for (const worker of [0, 1]) await begin(worker);
  given.total = 4;
  const changed = places.changed();
  used.fill(1);
  await changed;
  let begun = 0;
  for (const worker of [0, 1, 0, 1, 0, 1]) if (await begin(worker)) begun += 1;
  expect(begun).toBe(2);
});
