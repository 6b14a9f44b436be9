import { describe, expect, test } from 'vitest';
import { withoutPostgres } from '../../packages/server/src/testing/services.ts';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { type BackingStore, memoryBacking, postgresBacking, sqliteBacking } from './backing-store.ts';
import { type SimulationFigures, simulate } from './simulate.ts';
import type { VirtualTime } from './virtual-time.ts';
import { worldConfig } from './world-config.ts';

/** Plays one seed, and shows what happens in it. */
const only = process.env['TAILRACE_SIMULATION_SEED'];

const stores: readonly {
  readonly name: string;
  readonly seeds: number;
  /** Why it cannot be had; undefined where it can. */
  readonly without?: string | undefined;
  readonly backing: (time: VirtualTime) => Promise<BackingStore>;
}[] = [
  { name: 'SQLite', seeds: 1_000, backing: sqliteBacking },
  { name: 'a PostgreSQL in memory', seeds: 1_000, backing: memoryBacking },
  { name: 'the real PostgreSQL', seeds: 100, without: withoutPostgres, backing: postgresBacking },
];

const config = await worldConfig();

/** `npm test` plays a tenth of the seeds, `npm run soak` all of them. */
function seedsOf(count: number): readonly number[] {
  if (only !== undefined) return [Number(only)];
  return partOf(Array.from({ length: count }, (_, index) => index + 1), count / 10);
}

async function play(
  title: string,
  seeds: readonly number[],
  options: Omit<Parameters<typeof simulate>[0], 'seed' | 'config'>,
): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const seed of seeds) {
    let figures: SimulationFigures;
    try {
      figures = await simulate({ ...options, seed, config, ...(only === undefined ? {} : { log: show }) });
    } catch (error) {
      const again = `TAILRACE_SIMULATION_SEED=${seed} npm test -- crash-simulation -t '${title}'`;
      throw new Error(`seed ${seed} fails ${error instanceof Error ? error.message : String(error)}\n${again}`, {
        cause: error,
      });
    }
    const { records, ...others } = figures;
    for (const [name, count] of Object.entries({ ...records, ...others })) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}

describe.each(stores)('over $name', ({ name, seeds, backing }) => {
  test(`services that are killed at random leave one record for each request (${name})`, async () => {
    const sums = await play(`killed.*${name}`, seedsOf(seeds), { backing });
    // A run without deaths, or without one of the ends of a request, would prove little.
    if (only !== undefined) return;
    expect(sums['deaths']).toBeGreaterThan(100);
    for (const status of ['completed', 'failed', 'cut', 'cancelled', 'abandoned']) {
      expect(sums[status], status).toBeGreaterThan(5);
    }
  }, 600_000);

  test(`every n-th call of the store fails, and nothing is lost (${name})`, async () => {
    const every = partOf(Array.from({ length: 199 }, (_, index) => index + 2), 20);
    for (const failEvery of every) {
      await play(`n-th.*${name}`, [only === undefined ? failEvery : Number(only)], { backing, failEvery, generations: 2 });
    }
  }, 600_000);
});
