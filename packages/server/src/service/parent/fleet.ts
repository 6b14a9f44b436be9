import type { Ask } from '../../channels/calls.ts';
import type { Log } from '../../telemetry/log.ts';
import type { WorkerCalls } from '../between/calls.ts';
import type { Prepared } from '../serving-processes.ts';
import type { WorkerEnd, WorkerProcess } from './worker-process.ts';

/** A worker that lives. */
export interface Worker {
  /** From 1 on. The successor of a worker has the same number. */
  readonly number: number;
  /** Its name in the ledger, which no other process ever has. */
  readonly processId: string;
  readonly process: WorkerProcess;
  readonly ask: Ask<WorkerCalls>;
}

/**
 * Keeps a number of workers alive.
 *
 *     started ──begin──▶ begun ──serve──▶ serving
 *        ▲                 │                 │ its process ends
 *        └──── pause ──────┴──────◀──────────┘
 *
 * The first deaths are followed by a new worker at once; where workers die young one after the other, the pauses grow.
 */
export interface Fleet {
  /** Starts all workers. Fails where one cannot begin: nothing of it is left to do but `end`. */
  start(): Promise<Prepared>;
  /** All serve from now on, also those that are started later. */
  serve(): Promise<void>;
  /** Those that have begun. */
  workers(): readonly Worker[];
  /** These, and those that are about to begin. */
  living(): readonly Worker[];
  /** No worker is started until the returned function is called. */
  hold(): () => void;
  /** No worker is started any more. */
  retire(): void;
  /** Has the workers close what they have open, kills those that take too long, and resolves when all have ended. */
  end(): Promise<void>;
}

export interface FleetOptions {
  readonly count: number;
  readonly log: Log;
  /** Starts the process of a worker. */
  open(number: number): Worker;
  /** Resolves with problems. Rejects where the worker ends first. */
  begin(worker: Worker): Promise<readonly string[]>;
  serve(worker: Worker): Promise<void>;
  /** The worker has ended, for whatever reason. */
  gone(worker: Worker): void;
  /** Monotonic milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const deathsForgiven = 2;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** One that has lived so long has not died young. */
const grownUpMs = 10_000;
/** A worker that ends in good order has its last records stored in this time; what it has not said is closed by the ledger. */
const endMs = 10_000;

export function createFleet(options: FleetOptions): Fleet {
  const { count, log } = options;
  const living = new Set<Worker>();
  const begun = new Set<Worker>();
  const deaths = new Map<number, number>();
  let serving = false;
  let retired = false;
  let held = Promise.resolve();

  function open(number: number): Worker {
    const worker = options.open(number);
    living.add(worker);
    const since = options.now();
    void worker.process.ended.then((end) => {
      living.delete(worker);
      const wasBegun = begun.delete(worker);
      options.gone(worker);
      if (!retired && wasBegun) void replace(worker, end, options.now() - since);
    });
    return worker;
  }

  async function replace({ number, process }: Worker, end: WorkerEnd, livedMs: number): Promise<void> {
    const before = livedMs >= grownUpMs ? 0 : (deaths.get(number) ?? 0);
    deaths.set(number, before + 1);
    const pauseMs =
      before < deathsForgiven ? 0 : Math.min(firstPauseMs * 2 ** (before - deathsForgiven), longestPauseMs);
    const { reason, lastLines } = end;
    log.error('a worker has ended; another one is started', {
      ...{ worker: number, pid: process.pid, reason, start_in_ms: pauseMs },
      ...(lastLines.length === 0 ? {} : { last: lastLines.join(' | ') }),
    });
    if (pauseMs > 0) await options.wait(pauseMs);
    await held;
    if (retired) return;
    const opened = options.now();
    const next = open(number);
    const problems = await options.begin(next).catch((error: unknown) => [String(error)]);
    if (problems.length === 0) {
      begun.add(next);
      // Where it dies just now, its end is handled as that of any other.
      if (serving) await options.serve(next).catch(() => {});
      return;
    }
    for (const problem of problems) log.error('a worker cannot start', { worker: number, problem });
    next.process.kill();
    if (!retired) await replace(next, await next.process.ended, options.now() - opened);
  }

  async function beginFirst(worker: Worker): Promise<Prepared> {
    const begins = options
      .begin(worker)
      .then(
        (problems): Prepared =>
          problems.length === 0 ? { ok: true } : { ok: false, exitCode: 2, message: problems.join('\n') },
      );
    const dies = worker.process.ended.then(({ reason, lastLines }): Prepared => {
      const message = [`a worker's process ended while it started (${reason})`, ...lastLines].join('\n');
      return { ok: false, exitCode: 1, message };
    });
    // A worker that ends makes both fail: what is known of its end says more.
    const prepared = await Promise.race([begins.catch(() => dies), dies]);
    if (prepared.ok) begun.add(worker);
    return prepared;
  }

  return {
    async start() {
      const workers = Array.from({ length: count }, (_, index) => open(index + 1));
      const prepared = await Promise.all(workers.map(beginFirst));
      return prepared.find(({ ok }) => !ok) ?? { ok: true };
    },
    async serve() {
      serving = true;
      await Promise.all([...begun].map((worker) => options.serve(worker).catch(() => {})));
    },
    workers: () => [...begun],
    living: () => [...living],
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    retire() {
      retired = true;
    },
    async end() {
      retired = true;
      await Promise.all(
        [...living].map(async (worker) => {
          const { process, ask } = worker;
          const closed = begun.has(worker) ? ask('close', undefined).catch(() => {}) : Promise.resolve();
          await Promise.race([closed, options.wait(endMs)]);
          process.link.close();
          await Promise.race([process.ended, options.wait(endMs / 10)]);
          process.kill();
          await process.ended;
        }),
      );
    },
  };
}
