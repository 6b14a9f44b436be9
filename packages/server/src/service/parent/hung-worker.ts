import type { Log } from '../../telemetry/log.ts';
import type { Worker } from './fleet.ts';

/** Between two questions, and between two looks whether the last one is answered. */
const tickMs = 2_000;
const ticksWithoutAnswer = 5;

/**
 * Kills a worker that answers nothing for ten seconds: its streams would never end, and those that read them elsewhere would wait for
 * ever. Its successor is started as that of any worker that ends. Time is counted in ticks of this process, so a machine that slept
 * kills no worker. Resolves when the worker has ended.
 */
export async function watchForHang(
  { number, process, ask }: Pick<Worker, 'number' | 'process' | 'ask'>,
  { log, wait }: { readonly log: Pick<Log, 'error'>; wait(ms: number): Promise<void> },
): Promise<void> {
  let lives = true;
  const ended = process.ended.then(() => {
    lives = false;
  });
  while (lives) {
    const answer = ask('alive', undefined).then(
      () => 'answered',
      // Its link is closed: it ends.
      () => 'answered',
    );
    let ticks = 0;
    while (lives && (await Promise.race([answer, ended, wait(tickMs)])) !== 'answered') {
      ticks += 1;
      if (ticks < ticksWithoutAnswer) continue;
      log.error('a worker hangs; it is killed', { worker: number, pid: process.pid });
      process.kill();
      return await ended;
    }
    await Promise.race([ended, wait(tickMs)]);
  }
}
