import { assertNever } from '../domain/assert-never.ts';
import { createKillableThread, type TaskOwner } from '../worker/killable-thread.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { ThreadBudget } from '../worker/thread-time.ts';
import type { OwnedTask, SchemaFinding, SchemaTask } from './protocol.ts';

/** The thread that compiles schemas and judges answers; it is started by the first task. */
export interface SchemaThread {
  /** Never rejects. A task that waits is dropped, at no cost, when the owner's `signal` aborts. */
  ask(task: SchemaTask, owner: TaskOwner): Promise<SchemaOutcome>;
  /** Milliseconds until tasks of this key are taken again; 0 where they are now. */
  restsForMs(keyId: string): number;
  /** Ends the thread; what was asked is `busy`. */
  close(): Promise<void>;
}

export type SchemaOutcome =
  | SchemaFinding
  /** It took longer than it may, and the thread was ended for it. */
  | { readonly type: 'late' }
  /** Too much waits, of its own key most, or its turn did not come in time. */
  | { readonly type: 'busy' }
  /** The schemas of its key took too much time lately. */
  | { readonly type: 'spent'; readonly retryAfterMs: number };

export interface SchemaThreadOptions {
  /** One task, in milliseconds; a real one takes a few. */
  readonly taskMs?: number;
  /** Until a task's turn comes once the thread runs, in milliseconds. */
  readonly waitMs?: number;
  /** Without a task the thread is let go after this many milliseconds. */
  readonly idleMs?: number;
  readonly budget?: ThreadBudget;
}

const maxHeapMiB = 128;
/** Five checks that never end, and one more every eight seconds. Ordinary checks cost nothing. */
const defaultBudget: ThreadBudget = { freeMs: 100, burstMs: 10_000, refill: 0.25 };

/**
 * Schemas come from callers, and a pattern or a union that refers to itself can take for ever: so they run on a
 * thread of their own, one at a time, and the thread is ended when a task outlasts `taskMs`.
 * A task takes 0.1 ms and its way there and back, a schema that is new 1 to 2 ms, a thread 0.2 s to start (a busy
 * machine: ten times that) and 40 MB.
 */
export function createSchemaThread(options: SchemaThreadOptions = {}): SchemaThread {
  const { taskMs = 2_000, waitMs = 10_000, idleMs = 300_000, budget = defaultBudget } = options;
  const thread = createKillableThread<OwnedTask, SchemaFinding>({
    start: () => startWorker(import.meta.url, 'worker', { maxOldGenerationSizeMb: maxHeapMiB }),
    taskMs,
    waitMs,
    idleMs,
    budget,
  });

  return {
    async ask(task, owner) {
      const outcome = await thread.run({ ...task, keyId: owner.keyId }, owner);
      switch (outcome.type) {
        case 'done':
          return outcome.answer;
        case 'late':
          return { type: 'late' };
        case 'spent':
          return outcome;
        case 'died':
          return { type: 'undecided', why: outcome.why };
        case 'full':
        case 'unserved':
        case 'dropped':
        case 'closed':
          return { type: 'busy' };
        default:
          return assertNever(outcome);
      }
    },
    restsForMs: thread.restsForMs,
    close: thread.close,
  };
}
