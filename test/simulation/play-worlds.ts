import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SimulationFigures } from './simulate.ts';
import type { WorldOutcome } from './world-thread.ts';
import { nameOf, type World } from './worlds.ts';

/** A world is the work of one core. */
const threads = Math.min(2, availableParallelism());
/** Of the worlds that fail, so many are shown whole. */
const shownFailures = 3;

/** Plays every world, several at a time, and adds up their figures. Throws where some have failed, with all their names. */
export async function playWorlds(worlds: readonly World[]): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {};
  const failures: { readonly world: World; readonly message: string }[] = [];
  const waiting = worlds.values();

  function note(world: World, outcome: WorldOutcome): void {
    if (outcome.ok) addTo(sums, outcome.figures);
    else failures.push({ world, message: outcome.message });
  }

  await Promise.all(Array.from({ length: threads }, () => playOnThread(waiting, note)));
  if (failures.length > 0) {
    const shown = failures.slice(0, shownFailures).map(({ message }) => message);
    const names = failures.map(({ world }) => nameOf(world)).join(' ');
    throw new Error(`${failures.length} of ${worlds.length} worlds fail: ${names}\n\n${shown.join('\n\n')}`);
  }
  return sums;
}

/** Takes worlds until none is left. What ends the thread is the failure of its world, and the next one gets a new thread. */
async function playOnThread(
  waiting: Iterator<World>,
  note: (world: World, outcome: WorldOutcome) => void,
): Promise<void> {
  let thread: Worker | undefined;
  try {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      thread ??= new Worker(new URL('world-thread.ts', import.meta.url), {
        execArgv: ['--conditions=tailrace-source'],
      });
      const answered = once(thread, 'message');
      thread.postMessage(next.value);
      try {
        const [outcome] = (await answered) as [WorldOutcome];
        note(next.value, outcome);
      } catch (error) {
        note(next.value, { ok: false, message: `${nameOf(next.value)} ends its thread: ${String(error)}` });
        thread = undefined;
      }
    }
  } finally {
    await thread?.terminate();
  }
}

function addTo(sums: Record<string, number>, { records, ...others }: SimulationFigures): void {
  for (const [name, count] of Object.entries({ ...records, ...others }))
    sums[name] = (sums[name] ?? 0) + count;
}
