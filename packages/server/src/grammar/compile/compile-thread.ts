import { assertNever } from '../../domain/assert-never.ts';
import { fail, failure, type Result } from '../../domain/failure.ts';
import { createKillableThread, type TaskOwner, type ThreadWorker } from '../../worker/killable-thread.ts';
import { startWorker } from '../../worker/start-worker.ts';
import type { ThreadBudget } from '../../worker/thread-time.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompiledGrammar } from './compile-schema.ts';

export type CompileWorker = ThreadWorker<CompileJob, Result<CompiledGrammar>>;

export interface CompileThread {
  /**
   * In fair turns between keys. Fails as the compiler does; with `overloaded` where too many of the key wait, where
   * its schemas took too much time lately or where this one took longer than `limitMs`, `internal_error` where the
   * thread died, `draining` once it is closed and for a job whose owner's signal aborted before its turn came.
   * One that runs is ended by its limits only.
   */
  run(job: CompileJob, owner: TaskOwner): Promise<Result<CompiledGrammar>>;
  /** Ends the thread; what waits fails. */
  close(): Promise<void>;
}

export interface CompileThreadOptions {
  readonly start?: () => CompileWorker;
  /** Jobs that may wait behind the one that runs. Default: 256. */
  readonly queue?: number;
  /** How long one job may take. Default: 10,000; the worst that the limits allow takes about 2,000. */
  readonly limitMs?: number;
  readonly budget?: ThreadBudget;
}

/**
 * Ten of the worst schemas that the limits allow, and one more every eight seconds. What is compiled once is
 * remembered, so an application reaches this only with a stream of new schemas.
 */
const defaultBudget: ThreadBudget = { freeMs: 250, burstMs: 20_000, refill: 0.25 };

/** One thread, started with the first job and anew after its death. */
export function createCompileThread(options: CompileThreadOptions = {}): CompileThread {
  const { start = startCompiler, queue = 256, limitMs = 10_000, budget = defaultBudget } = options;
  const thread = createKillableThread<CompileJob, Result<CompiledGrammar>>({
    start,
    queue,
    taskMs: limitMs,
    budget,
  });

  return {
    async run(job, owner) {
      const outcome = await thread.run(job, owner);
      switch (outcome.type) {
        case 'done':
          return outcome.answer;
        case 'late':
          return overloaded(
            'The schema took too long to compile: this machine is too busy, or the schema too large.',
          );
        case 'died': {
          const detail = 'the thread that compiles schemas died';
          const why = { detail, wording: outcome.why, blameless: true } as const;
          return fail(failure('internal_error', 'The schema could not be compiled.', why));
        }
        case 'full':
          return overloaded('Too many schemas of this key wait to be compiled. Try again in a moment.');
        case 'unserved':
          return overloaded('This schema could not be compiled in time. Try again in a moment.');
        case 'spent': {
          const { retryAfterMs } = outcome;
          const message =
            'The schemas of this key took too much time to compile lately. ' +
            `Try again in ${Math.ceil(retryAfterMs / 1_000)} s, or send a simpler schema.`;
          return overloaded(message, retryAfterMs);
        }
        case 'dropped':
          return fail(failure('draining', 'The request was given up before its schema was compiled.'));
        case 'closed':
          return fail(failure('draining', 'The local engine is shutting down.', { blameless: true }));
        default:
          return assertNever(outcome);
      }
    },
    close: thread.close,
  };
}

function overloaded(message: string, retryAfterMs = 1_000): Result<never> {
  return fail(failure('overloaded', message, { retryAfterMs, blameless: true }));
}

/** Chains of rules are followed by recursion; the deepest that the limits allow needs a few megabytes of stack. */
const stackSizeMb = 32;

function startCompiler(): CompileWorker {
  return startWorker(import.meta.url, 'compile-worker', { stackSizeMb, maxOldGenerationSizeMb: 512 });
}
