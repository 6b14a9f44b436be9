import { Worker } from 'node:worker_threads';
import type { FromWorker, SchemaFinding, SchemaTask } from './protocol.ts';

/** The thread that compiles schemas and judges answers; it is started by the first task. */
export interface SchemaThread {
  /**
   * Never rejects. `late`: it took longer than it may, and the thread was ended for it. `busy`: too many wait, or
   * its turn did not come in time.
   */
  ask(task: SchemaTask): Promise<SchemaFinding | { readonly type: 'late' | 'busy' }>;
  /** Ends the thread; what was asked is `busy`. */
  close(): void;
}

export interface SchemaThreadOptions {
  /** One task, in milliseconds; a real one takes a few. */
  readonly taskMs?: number;
  /** Until a task's turn comes once the thread runs, in milliseconds. */
  readonly waitMs?: number;
  /** Without a task the thread is let go after this many milliseconds. */
  readonly idleMs?: number;
}

interface Job {
  readonly task: SchemaTask;
  readonly resolve: (finding: SchemaFinding | { readonly type: 'late' | 'busy' }) => void;
  waiting: NodeJS.Timeout | undefined;
}

/** Tasks that may wait; an answer of megabytes may be one. */
const maxWaiting = 256;
/** Loading the validator on a busy machine. */
const startMs = 10_000;
const maxHeapMiB = 128;

/**
 * Schemas come from callers, and a pattern or a union that refers to itself can take for ever: so they run on a
 * thread of their own, one at a time, and the thread is ended when a task outlasts `taskMs`. It has no environment.
 * A task takes 0.1 ms and its way there and back, a schema that is new 1 to 2 ms, a thread 0.2 s to start (a busy
 * machine: ten times that) and 40 MB.
 */
export function createSchemaThread(options: SchemaThreadOptions = {}): SchemaThread {
  const { taskMs = 2_000, waitMs = 5_000, idleMs = 300_000 } = options;
  const waiting: Job[] = [];
  let worker: Worker | undefined;
  let ready = false;
  let current: Job | undefined;
  let timer: NodeJS.Timeout | undefined;

  function end(): void {
    clearTimeout(timer);
    const ended = worker;
    worker = undefined;
    ready = false;
    ended?.removeAllListeners();
    // What it says while it ends is nobody's concern.
    ended?.on('error', () => {});
    void ended?.terminate();
  }

  function settle(finding: Parameters<Job['resolve']>[0]): void {
    const job = current;
    current = undefined;
    job?.resolve(finding);
    next();
  }

  /** The thread is gone, or has to go: its task with it. */
  function giveUp(finding: Parameters<Job['resolve']>[0]): void {
    end();
    if (current !== undefined) settle(finding);
    else next();
  }

  function watch(job: Job): void {
    job.waiting ??= setTimeout(() => {
      waiting.splice(waiting.indexOf(job), 1);
      job.resolve({ type: 'busy' });
    }, waitMs);
  }

  function start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const started = new Worker(new URL(`./worker${extension}`, import.meta.url), {
      name: 'json-schema',
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
    });
    started.on('message', (message: FromWorker) => {
      if (message.type !== 'ready') return settle(message);
      ready = true;
      for (const job of waiting) watch(job);
      next();
    });
    started.on('error', (error) => {
      // One that cannot even start would not the next time either.
      if (!ready) giveUpStarting();
      else giveUp({ type: 'undecided', why: error instanceof Error ? error.message : String(error) });
    });
    return started;
  }

  function next(): void {
    clearTimeout(timer);
    if (current !== undefined) return;
    if (waiting.length === 0) {
      // An idle thread keeps no process alive.
      worker?.unref();
      timer = worker === undefined ? undefined : setTimeout(end, idleMs);
      timer?.unref();
      return;
    }
    if (worker === undefined) worker = start();
    worker.ref();
    if (!ready) {
      timer = setTimeout(giveUpStarting, startMs);
      return;
    }
    current = waiting.shift();
    if (current === undefined) return;
    clearTimeout(current.waiting);
    timer = setTimeout(() => giveUp({ type: 'late' }), taskMs);
    worker.postMessage(current.task);
  }

  function giveUpStarting(): void {
    end();
    for (const job of waiting.splice(0)) {
      clearTimeout(job.waiting);
      job.resolve({ type: 'busy' });
    }
  }

  return {
    ask: (task) =>
      new Promise((resolve) => {
        if (waiting.length >= maxWaiting) {
          resolve({ type: 'busy' });
          return;
        }
        const job: Job = { task, resolve, waiting: undefined };
        waiting.push(job);
        // A thread that starts has its own time for that.
        if (ready) watch(job);
        if (current === undefined && (ready || worker === undefined)) next();
      }),
    close() {
      giveUpStarting();
      if (current !== undefined) settle({ type: 'busy' });
    },
  };
}
