import { Worker } from 'node:worker_threads';
import { fail, failure, type Result } from '../../domain/failure.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompiledGrammar } from './compile-schema.ts';

/** The little of a worker thread that is used here; a test may bring its own. */
export interface CompileWorker {
  postMessage(job: CompileJob): void;
  on(event: 'message', listener: (result: Result<CompiledGrammar>) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  /** Keeps no process alive. */
  unref(): void;
  terminate(): Promise<unknown>;
}

export interface CompileThread {
  /**
   * In turn with the others. Fails as the compiler does; with `overloaded` where too many wait or where it took longer
   * than `limitMs`, `internal_error` where the thread died, `draining` once it is closed and for a job that nobody
   * wants any more when its turn comes. One that runs is ended by its limits only.
   */
  run(job: CompileJob, wanted: () => boolean): Promise<Result<CompiledGrammar>>;
  /** Ends the thread; what waits fails. */
  close(): Promise<void>;
}

export interface CompileThreadOptions {
  readonly start?: () => CompileWorker;
  /** Jobs that may wait behind the one that runs. Default: 32. */
  readonly queue?: number;
  /** How long one job may take. Default: 10,000; the worst that the limits allow takes about 2,000. */
  readonly limitMs?: number;
}

interface Waiting {
  readonly job: CompileJob;
  readonly wanted: () => boolean;
  readonly done: (result: Result<CompiledGrammar>) => void;
}

/** One thread, started with the first job and anew after its death. */
export function createCompileThread(options: CompileThreadOptions = {}): CompileThread {
  const { start = startWorker, queue = 32, limitMs = 10_000 } = options;
  const waiting: Waiting[] = [];
  let worker: CompileWorker | undefined;
  let running: Waiting | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function finish(result: Result<CompiledGrammar>): void {
    clearTimeout(timer);
    const { done } = running ?? {};
    running = undefined;
    done?.(result);
    next();
  }

  function next(): void {
    if (running !== undefined || closed) return;
    running = waiting.shift();
    if (running === undefined) return;
    if (!running.wanted()) {
      finish(fail(failure('draining', 'The request was given up before its schema was compiled.')));
      return;
    }
    worker ??= begin();
    timer = setTimeout(() => {
      abandon();
      const message =
        'The schema took too long to compile: this machine is too busy, or the schema too large.';
      finish(fail(failure('overloaded', message, { retryAfterMs: 1000, blameless: true })));
    }, limitMs);
    timer.unref();
    worker.postMessage(running.job);
  }

  function begin(): CompileWorker {
    const started = start();
    started.on('message', (result) => {
      if (worker === started) finish(result);
    });
    started.on('error', (error) => died(started, String(error)));
    started.on('exit', () => died(started, 'it ended'));
    // Behind the listeners: one for messages keeps the process alive again.
    started.unref();
    return started;
  }

  function died(who: CompileWorker, cause: string): void {
    if (worker !== who) return;
    worker = undefined;
    if (running === undefined) return;
    const why = { detail: 'the thread that compiles schemas died', wording: cause, blameless: true } as const;
    finish(fail(failure('internal_error', 'The schema could not be compiled.', why)));
  }

  /** Whatever it still does is no matter to anybody. */
  function abandon(): void {
    const gone = worker;
    worker = undefined;
    void gone?.terminate();
  }

  return {
    run(job, wanted) {
      if (closed) return Promise.resolve(closing());
      if (waiting.length >= queue) {
        const message = 'Too many schemas wait to be compiled. Try again in a moment.';
        return Promise.resolve(fail(failure('overloaded', message, { retryAfterMs: 1000, blameless: true })));
      }
      return new Promise((done) => {
        waiting.push({ job, wanted, done });
        next();
      });
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const left = running === undefined ? waiting.splice(0) : [running, ...waiting.splice(0)];
      running = undefined;
      const gone = worker;
      worker = undefined;
      for (const { done } of left) done(closing());
      await gone?.terminate();
    },
  };
}

function closing(): Result<never> {
  return fail(failure('draining', 'The local engine is shutting down.', { blameless: true }));
}

/** Chains of rules are followed by recursion; the deepest that the limits allow needs a few megabytes of stack. */
const stackSizeMb = 32;

/** From where this file lies: the sources, or what was built of them. */
function startWorker(): CompileWorker {
  const source = import.meta.url.endsWith('.ts');
  return new Worker(new URL(`./compile-worker.${source ? 'ts' : 'js'}`, import.meta.url), {
    execArgv: source ? ['--conditions=tailrace-source'] : [],
    env: {},
    resourceLimits: { stackSizeMb, maxOldGenerationSizeMb: 512 },
  });
}
