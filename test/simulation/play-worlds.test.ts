import { expect, test } from 'vitest';
import { playWorlds } from './play-worlds.ts';
import { nameOf, type StoreName, worldOf } from './worlds.ts';

test('a world that fails is named, with the command that plays it again, and the others are played', async () => {
  // No store has this name: the world fails at once.
  const store = 'none' as StoreName;
  const played = playWorlds([
    { store, seed: 1 },
    { store: 'sqlite', seed: 2 },
    { store, seed: 3, failEvery: 4 },
  ]);
  await expect(played).rejects.toThrow(/^2 of 3 worlds fail: none:(1 none:3:4|3:4 none:1)\n/);
  await expect(played).rejects.toThrow('TAILRACE_SIMULATION=none:3:4 npm test -- crash-simulation\n');
});

test('a world is known by its name', () => {
  for (const name of ['sqlite:17', 'memory:17:5', 'postgres:3']) {
    const world = worldOf(name);
    expect(world && nameOf(world)).toBe(name);
  }
  expect(worldOf('mysql:1')).toBeUndefined();
});
