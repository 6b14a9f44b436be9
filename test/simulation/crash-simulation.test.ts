import { describe, expect, test } from 'vitest';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { playWorlds } from './play-worlds.ts';
import { worldConfig } from './world-config.ts';
import { playWorld, type StoreCase, type StoreName, storeCases, worldOf } from './worlds.ts';

/** Plays one world again and shows what happens in it: `sqlite:17`, or `sqlite:17:5` where every fifth call fails. */
const again = process.env['TAILRACE_SIMULATION'];
const timeoutMs = roundsOf(7_200_000, 600_000);

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.skipIf(again === undefined)(again ?? 'one world, named by TAILRACE_SIMULATION', () => {
  test('is played again', { timeout: timeoutMs }, async () => {
    const world = worldOf(again ?? '');
    if (world === undefined) throw new Error(`TAILRACE_SIMULATION names no store: ${again}`);
    await playWorld(await worldConfig(), world, (line) => process.stdout.write(`${line}\n`));
  });
});

const cases = Object.entries(storeCases) as readonly (readonly [StoreName, StoreCase])[];
for (const [store, { name, seeds, without }] of again === undefined ? cases : []) {
  const reason = without === undefined ? '' : ` (skipped: ${without})`;
  describe.skipIf(without !== undefined)(`over ${name}${reason}`, () => {
    test('services that are killed at random leave one record for each request', {
      timeout: timeoutMs,
    }, async () => {
      const played = partOf(numbers(1, seeds), seeds / 25);
      const sums = await playWorlds(played.map((seed) => ({ store, seed })));
      // Worlds without deaths, or without one of the ends of a request, would prove little.
      expect(sums['deaths']).toBe(3 * played.length);
      for (const status of ['completed', 'failed', 'cut', 'cancelled', 'abandoned']) {
        expect(sums[status], status).toBeGreaterThan(0);
      }
    });

    test('every n-th call of the store fails, and nothing is lost', { timeout: timeoutMs }, async () => {
      const every = partOf(numbers(2, 200), Math.max(2, seeds / 100));
      const sums = await playWorlds(every.map((failEvery) => ({ store, seed: failEvery, failEvery })));
      expect(sums['completed']).toBeGreaterThan(0);
    });
  });
}
