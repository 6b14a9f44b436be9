import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import type { SimulationFigures } from './simulate.ts';
import { worldConfig } from './world-config.ts';
import { playWorld, type World } from './worlds.ts';

/* A thread that plays worlds: each message is a world, and each answer what came of it. Its clock is of this thread only. */

export type WorldOutcome =
  | { readonly ok: true; readonly figures: SimulationFigures }
  | { readonly ok: false; readonly message: string };

const parent = parentPort;
if (parent === null) throw new Error('this file runs on a thread');
const config = await worldConfig();

async function outcomeOf(world: World): Promise<WorldOutcome> {
  try {
    return { ok: true, figures: await playWorld(config, world) };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

for (;;) {
  const [world] = (await once(parent, 'message')) as [World];
  parent.postMessage(await outcomeOf(world));
}
