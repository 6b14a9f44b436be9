import { describe, expect, test } from 'vitest';
import { withoutPostgres } from '../../packages/server/src/testing/services.ts';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { type BackingStore, memoryBacking, postgresBacking, sqliteBacking } from './backing-store.ts';
import { simulate } from './simulate.ts';
import type { VirtualTime } from './virtual-time.ts';
import { worldConfig } from './world-config.ts';

interface StoreCase {
  readonly name: string;
  /** As `TAILRACE_SIMULATION` names it. */
  readonly short: string;
  /** All seeds; `npm test` plays a two-hundredth of them, because a world takes one to three seconds. */
  readonly seeds: number;
  /** Why it cannot be had; undefined where it can. */
  readonly without: string | undefined;
  readonly backing: (time: VirtualTime) => Promise<BackingStore>;
}

const stores: readonly StoreCase[] = [
  { name: 'SQLite', short: 'sqlite', seeds: 1_000, without: undefined, backing: sqliteBacking },
  { name: 'PostgreSQL in memory', short: 'memory', seeds: 1_000, without: undefined, backing: memoryBacking },
  { name: 'PostgreSQL', short: 'postgres', seeds: 100, without: withoutPostgres, backing: postgresBacking },
];

/** Plays one world again and shows what happens in it: `sqlite:17`, or `sqlite:17:5` where every fifth call fails. */
const again = process.env['TAILRACE_SIMULATION'];
const timeoutMs = roundsOf(7_200_000, 600_000);
const config = await worldConfig();

interface World {
  readonly seed: number;
  readonly failEvery?: number;
}

/** Plays worlds one after the other, and adds up their figures. */
async function play({ short, backing }: StoreCase, worlds: readonly World[], log?: (line: string) => void) {
  const sums: Record<string, number> = {};
  for (const world of worlds) {
    const generations = world.failEvery === undefined ? 4 : 2;
    const options = { ...world, config, backing, generations, ...(log === undefined ? {} : { log }) };
    const { records, ...others } = await simulate(options).catch((error: unknown) => {
      const name = [short, world.seed, ...(world.failEvery === undefined ? [] : [world.failEvery])].join(':');
      const command = `TAILRACE_SIMULATION=${name} npm test -- crash-simulation`;
      throw new Error(`${command}\n${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    });
    for (const [name, count] of Object.entries({ ...records, ...others }))
      sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.skipIf(again === undefined)(again ?? 'one world, named by TAILRACE_SIMULATION', () => {
  test('is played again', { timeout: timeoutMs }, async () => {
    const [short, seed, every] = (again ?? '').split(':');
    const store = stores.find((one) => one.short === short);
    if (store === undefined) throw new Error(`TAILRACE_SIMULATION names no store: ${again}`);
    const world = { seed: Number(seed), ...(every === undefined ? {} : { failEvery: Number(every) }) };
    await play(store, [world], (line) => process.stdout.write(`${line}\n`));
  });
});

for (const store of again === undefined ? stores : []) {
  const reason = store.without === undefined ? '' : ` (skipped: ${store.without})`;
  describe.skipIf(store.without !== undefined)(`over ${store.name}${reason}`, () => {
    test('services that are killed at random leave one record for each request', {
      timeout: timeoutMs,
    }, async () => {
      const seeds = partOf(numbers(1, store.seeds), Math.max(2, store.seeds / 200));
      const sums = await play(
        store,
        seeds.map((seed) => ({ seed })),
      );
      // Worlds without deaths, or without one of the ends of a request, would prove little.
      expect(sums['deaths']).toBe(3 * seeds.length);
      for (const status of ['completed', 'failed', 'cut', 'cancelled', 'abandoned']) {
        expect(sums[status], status).toBeGreaterThan(0);
      }
    });

    test('every n-th call of the store fails, and nothing is lost', { timeout: timeoutMs }, async () => {
      const every = partOf(numbers(2, 200), 3);
      const sums = await play(
        store,
        every.map((failEvery) => ({ seed: failEvery, failEvery })),
      );
      expect(sums['completed']).toBeGreaterThan(0);
    });
  });
}
