import { describe, expect, test } from 'vitest';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { sqliteBacking } from './backing-store.ts';
import { simulate } from './simulate.ts';
import { worldConfig } from './world-config.ts';

const config = await worldConfig();
const seeds = Array.from({ length: 1_000 }, (_, index) => index + 1);
/** Plays one seed, with its log: `TAILRACE_SIMULATION_SEED=17 npm test -- crash-simulation`. */
const only = process.env['TAILRACE_SIMULATION_SEED'];
const played = only === undefined ? partOf(seeds, 100) : [Number(only)];
const log = only === undefined ? undefined : (line: string) => console.log(line);

describe('a service that is killed at random', () => {
  test('over SQLite: every answered request has one record, and every sum is right', async () => {
    for (const seed of played) {
      await simulate({ seed, config, backing: async (time) => sqliteBacking(time), ...(log && { log }) }).catch((error) => {
        throw new Error(`TAILRACE_SIMULATION_SEED=${seed} npm test -- crash-simulation\n${error.stack}`);
      });
    }
    expect(played.length).toBeGreaterThan(0);
  });
});
