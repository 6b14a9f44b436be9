import type { Config } from '../../packages/server/src/config/config.ts';
import { withoutPostgres } from '../../packages/server/src/testing/services.ts';
import { type BackingStore, memoryBacking, postgresBacking, sqliteBacking } from './backing-store.ts';
import { type SimulationFigures, simulate } from './simulate.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface StoreCase {
  readonly name: string;
  /** All seeds; `npm test` plays one of 25. */
  readonly seeds: number;
  /** Why it cannot be had; undefined where it can. */
  readonly without: string | undefined;
  readonly backing: (time: VirtualTime) => Promise<BackingStore>;
}

/** By the names that `TAILRACE_SIMULATION` has for them. */
export const storeCases = {
  sqlite: { name: 'SQLite', seeds: 1_000, without: undefined, backing: sqliteBacking },
  memory: { name: 'PostgreSQL in memory', seeds: 1_000, without: undefined, backing: memoryBacking },
  postgres: { name: 'PostgreSQL', seeds: 100, without: withoutPostgres, backing: postgresBacking },
} satisfies Record<string, StoreCase>;

export type StoreName = keyof typeof storeCases;

/** What makes a world: the same one in every run. */
export interface World {
  readonly store: StoreName;
  readonly seed: number;
  /** Every so many calls of the store fails; then there are two generations. */
  readonly failEvery?: number;
}

/** As `TAILRACE_SIMULATION` has it. */
export function nameOf({ store, seed, failEvery }: World): string {
  return [store, seed, ...(failEvery === undefined ? [] : [failEvery])].join(':');
}

/** Undefined where the text names no world. */
export function worldOf(name: string): World | undefined {
  const [store = '', seed, failEvery] = name.split(':');
  if (!isStore(store)) return undefined;
  return { store, seed: Number(seed), ...(failEvery === undefined ? {} : { failEvery: Number(failEvery) }) };
}

function isStore(name: string): name is StoreName {
  return name in storeCases;
}

/** Plays one world. The error of one that fails names the command that plays it again. */
export async function playWorld(
  config: Config,
  world: World,
  log?: (line: string) => void,
): Promise<SimulationFigures> {
  const { seed, store, failEvery } = world;
  try {
    return await simulate({
      config,
      seed,
      backing: storeCases[store].backing,
      ...(failEvery === undefined ? {} : { failEvery, generations: 2 }),
      ...(log === undefined ? {} : { log }),
    });
  } catch (error) {
    const command = `TAILRACE_SIMULATION=${nameOf(world)} npm test -- crash-simulation`;
    throw new Error(`${command}\n${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
