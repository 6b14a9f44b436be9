import type { Log } from '../../telemetry/log.ts';
import type { Worker } from './fleet.ts';

/** Between two questions, and between two looks whether the last one is answered. */
const tickMs = 2_000;
const ticksWithoutAnswer = 5;
/** A worker that starts reads its code and its configuration, on a machine that may be busy with the others: a minute. */
const ticksWithoutAnswerAtStart = 30;

export interface HangWatch {
  readonly log: Pick<Log, 'error'>;
  wait(ms: number): Promise<void>;
  /** Whether the worker has answered that it has begun. */
  hasBegun(): boolean;
}

/**
 * Kills a worker that answers nothing for ten seconds: its streams would never end, and those that read them elsewhere would wait for
 * ever. Its successor is started as that of any worker that ends. Time is counted in ticks of this process, so a machine that slept
 * kills no worker. Resolves a tick after the worker has ended.
 *
 * No race of promises: each would leave something at `ended`, which lives as long as the worker.
 */
export async function watchForHang(
  { number, process, ask }: Pick<Worker, 'number' | 'process' | 'ask'>,
  { log, wait, hasBegun }: HangWatch,
): Promise<void> {
  let lives = true;
  void process.ended.then(() => {
    lives = false;
  });
  let asked = false;
  const answered = () => {
    asked = false;
  };
  for (let ticks = 0; lives; ticks += 1) {
    if (!asked) {
      ticks = 0;
      asked = true;
      // A link that is closed answers too: the worker ends.
      ask('alive', undefined).then(answered, answered);
    }
    await wait(tickMs);
    if (!lives || !asked) continue;
    if (ticks + 1 < (hasBegun() ? ticksWithoutAnswer : ticksWithoutAnswerAtStart)) continue;
    log.error('a worker hangs; it is killed', { worker: number, pid: process.pid });
    process.kill();
    await process.ended;
  }
}
