import { createKillableThread, type KillableThread } from '../worker/killable-thread.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { ThreadBudget } from '../worker/thread-time.ts';
import type { Breach } from './compile-validator.ts';
import type { SchemaProblem } from './schema-problem.ts';

/** What the thread has to do: compile a schema, and validate an answer against it where there is an answer. */
export interface ValidationTask {
  /** As JSON text, by which a compiled schema is found again. Absent: the answer has to be JSON, of any kind. */
  readonly schema?: string;
  /** Escaped, as it stands inside a JSON string. */
  readonly answer?: string;
  /** Compiled schemas are kept by key. */
  readonly keyId: string;
}

export type ValidationFinding =
  | { readonly type: 'right' }
  | { readonly type: 'schema'; readonly problem: SchemaProblem }
  | { readonly type: 'not-json' }
  | { readonly type: 'breach'; readonly breach: Breach }
  /** Not decidable: the value nests too deeply, or the compiled code threw. */
  | { readonly type: 'undecided'; readonly why: string };

export type ValidationThread = KillableThread<ValidationTask, ValidationFinding>;

export interface ValidationThreadOptions {
  /** For one task, in milliseconds; an ordinary task takes a few. Default: 2,000. */
  readonly taskMs?: number;
  /** Until a task's turn comes once the thread runs, in milliseconds. Default: 10,000. */
  readonly waitMs?: number;
  /** A thread without tasks ends after this many milliseconds. Default: five minutes. */
  readonly idleMs?: number;
  readonly budget?: ThreadBudget;
}

const maxHeapMiB = 128;
/** Five checks that never end, and one more every eight seconds. Ordinary checks cost nothing. */
const defaultBudget: ThreadBudget = { freeMs: 100, burstMs: 10_000, refill: 0.25 };

/**
 * Schemas come from callers, and a pattern or a union that refers to itself can take for ever: so they run on a
 * thread of their own, one at a time, and the thread is ended when a task takes longer than `taskMs`.
 * A task takes 0.1 ms with its way there and back, a new schema 1 to 2 ms; a thread takes 0.2 s to start (on a busy
 * machine ten times that) and 40 MB. The first task starts the thread. The caller closes it.
 */
export function createValidationThread(options: ValidationThreadOptions = {}): ValidationThread {
  const { taskMs = 2_000, waitMs = 10_000, idleMs = 300_000, budget = defaultBudget } = options;
  return createKillableThread({
    start: () => startWorker(import.meta.url, 'validation-worker', { maxOldGenerationSizeMb: maxHeapMiB }),
    taskMs,
    waitMs,
    idleMs,
    budget,
  });
}
