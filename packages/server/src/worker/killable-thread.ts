import { createFairQueue } from './fair-queue.ts';
import { createThreadTime, keysKept, type ThreadBudget } from './thread-time.ts';

/**
 * One thread for work that may take for ever: a task at a time, in fair turns between the keys that share the thread.
 * A task that outlasts its time ends the thread with it, and the next task gets a new thread.
 *
 *     none ──task──▶ starting ──ready──▶ waiting ◀──answer── working
 *      ▲                │                  │ └──────task──────▶ │
 *      └────────────────┴──too long────────┴────────────────────┘
 *
 * The key whose task ends the thread pays for the task and for the start of the next thread.
 */
export interface KillableThread<Task, Answer> {
  /**
   * Never rejects. When the owner's signal aborts, a task that waits is dropped and its key is charged nothing; a task
   * that runs is not interrupted. `limitMs` replaces `taskMs` for this task.
   */
  run(task: Task, owner: TaskOwner, limitMs?: number): Promise<ThreadOutcome<Answer>>;
  /** Milliseconds until tasks of this key are accepted again; 0 where they are accepted now. */
  restsForMs(keyId: string): number;
  /** Ends the thread; every task ends with `closed`. */
  close(): Promise<void>;
}

/** The key to which the time of a task is charged, and a signal that aborts when the answer is no longer needed. */
export interface TaskOwner {
  readonly keyId: string;
  readonly signal: AbortSignal;
}

export type ThreadOutcome<Answer> =
  | { readonly type: 'done'; readonly answer: Answer }
  /** The task took longer than `limitMs`. */
  | { readonly type: 'late'; readonly limitMs: number }
  /** The thread ended while the task ran: it had no memory left, or a bug. */
  | { readonly type: 'died'; readonly why: string }
  /** The queue is full, and this key has the most tasks in it. */
  | { readonly type: 'full' }
  /** The turn of the task did not come in time, or no thread could be started. */
  | { readonly type: 'unserved' }
  /** The key has used up its time. */
  | { readonly type: 'spent'; readonly retryAfterMs: number }
  /** The owner's signal aborted before the turn of the task. */
  | { readonly type: 'dropped' }
  | { readonly type: 'closed' };

export type FromThread<Answer> =
  | 'ready'
  /** `tookMs`: measured in the thread. */
  | { readonly answer: Answer; readonly tookMs: number };

/** The part of `Worker` that is used here, so that a test can replace it. */
export interface ThreadWorker<Task, Answer> {
  postMessage(task: Task): void;
  on(event: 'message', listener: (message: FromThread<Answer>) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  /** With `ref` the thread keeps the process alive, with `unref` it does not. */
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

export interface KillableThreadOptions<Task, Answer> {
  start(): ThreadWorker<Task, Answer>;
  /**
   * For one task, in milliseconds. After each late task of a key its next ones have half the time, down to an eighth.
   */
  readonly taskMs: number;
  /** Until the turn of a task, from the start of the thread on, in milliseconds. Default: no limit. */
  readonly waitMs?: number;
  /** The most tasks that wait, over all keys. Default: 256. */
  readonly queue?: number;
  /** Default: keys have turns and no budget. */
  readonly budget?: ThreadBudget;
  /** A thread without tasks ends after this many milliseconds. Default: five minutes. */
  readonly idleMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Job<Task, Answer> {
  readonly task: Task;
  readonly keyId: string;
  readonly limitMs: number;
  /** Called once, when the task neither waits nor runs. */
  readonly settle: (outcome: ThreadOutcome<Answer>) => void;
  waiting: NodeJS.Timeout | undefined;
}

/** More late tasks in a row than these halve the time of the key's next task no further. */
const mostHalvings = 3;
/** After each such interval one late task is forgotten: a busy machine must not make an ordinary task late for ever. */
const lateForgottenMs = 30_000;

/** For the start of a thread; a busy machine takes seconds to load the code. */
const startMs = 10_000;

export function createKillableThread<Task, Answer>(
  options: KillableThreadOptions<Task, Answer>,
): KillableThread<Task, Answer> {
  const { taskMs, waitMs, queue: most = 256, idleMs = 300_000, now = () => performance.now() } = options;
  const time = createThreadTime(options.budget, now);
  const queue = createFairQueue<Job<Task, Answer>>(time, most);
  let worker: ThreadWorker<Task, Answer> | undefined;
  let ready = false;
  let current: Job<Task, Answer> | undefined;
  /** When the current task was sent. */
  let sentAt = 0;
  let startedAt = 0;
  /** The key whose task ended the last thread. */
  let debtor: string | undefined;
  /** Late tasks in a row, by key, and the time of the last one. Only for keys with late tasks, at most `keysKept`. */
  const lates = new Map<string, { readonly count: number; readonly atMs: number }>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function begin(): void {
    const started = options.start();
    worker = started;
    startedAt = now();
    started.on('message', (message) => {
      if (worker !== started) return;
      if (message === 'ready') onReady();
      else if (current !== undefined) {
        lates.delete(current.keyId);
        finish({ type: 'done', answer: message.answer }, message.tookMs);
      }
    });
    started.on('error', (error) => died(started, error instanceof Error ? error.message : String(error)));
    started.on('exit', () => died(started, 'it ended'));
    timer = setTimeout(giveUpStarting, startMs);
  }

  function end(): Promise<unknown> | undefined {
    clearTimeout(timer);
    const ended = worker;
    worker = undefined;
    ready = false;
    return ended?.terminate();
  }

  function onReady(): void {
    clearTimeout(timer);
    ready = true;
    if (debtor !== undefined) charge(debtor, now() - startedAt);
    debtor = undefined;
    for (const job of queue.all()) watch(job);
    next();
  }

  /** Charges a key. Where it has used up its time, its waiting tasks end at once: their turns would not come. */
  function charge(keyId: string, tookMs: number): void {
    time.charge(keyId, tookMs);
    const retryAfterMs = time.restsForMs(keyId);
    if (retryAfterMs === 0) return;
    for (const job of queue.removeKey(keyId)) job.settle({ type: 'spent', retryAfterMs });
  }

  function watch(job: Job<Task, Answer>): void {
    if (waitMs === undefined) return;
    job.waiting ??= setTimeout(() => {
      queue.remove(job);
      job.settle({ type: 'unserved' });
    }, waitMs);
  }

  function next(): void {
    if (current !== undefined || closed) return;
    if (queue.size === 0) {
      // An idle thread keeps no process alive.
      worker?.unref();
      if (!ready) return;
      clearTimeout(timer);
      timer = setTimeout(end, idleMs);
      timer.unref();
      return;
    }
    if (worker === undefined) begin();
    worker?.ref();
    if (!ready) return;
    current = queue.take();
    if (current === undefined) return;
    clearTimeout(current.waiting);
    sentAt = now();
    clearTimeout(timer);
    const limitMs = limitOf(current);
    timer = setTimeout(checkLate, limitMs, current, limitMs);
    worker?.postMessage(current.task);
  }

  /** Each late task halves the time of the key's next one: other keys wait for it, and it is likely to be late too. */
  function limitOf({ keyId, limitMs }: Job<Task, Answer>): number {
    return limitMs / 2 ** latesOf(keyId);
  }

  function latesOf(keyId: string): number {
    const late = lates.get(keyId);
    if (late === undefined) return 0;
    return Math.max(0, late.count - Math.floor((now() - late.atMs) / lateForgottenMs));
  }

  function noteLate(keyId: string): void {
    const count = Math.min(mostHalvings, latesOf(keyId) + 1);
    lates.delete(keyId);
    lates.set(keyId, { count, atMs: now() });
    const [oldest] = lates.keys();
    if (lates.size > keysKept && oldest !== undefined) lates.delete(oldest);
  }

  /** An event loop that stalled may have the answer at hand: messages are read before this turn ends. */
  function checkLate(job: Job<Task, Answer>, limitMs: number): void {
    setImmediate(() => {
      if (current !== job) return;
      debtor = job.keyId;
      noteLate(job.keyId);
      void end();
      finish({ type: 'late', limitMs }, now() - sentAt);
    });
  }

  function died(who: ThreadWorker<Task, Answer>, why: string): void {
    if (worker !== who) return;
    if (!ready) {
      giveUpStarting();
      return;
    }
    void end();
    if (current === undefined) return;
    debtor = current.keyId;
    finish({ type: 'died', why }, now() - sentAt);
  }

  function finish(outcome: ThreadOutcome<Answer>, tookMs: number): void {
    clearTimeout(timer);
    const job = current;
    current = undefined;
    if (job !== undefined) {
      charge(job.keyId, tookMs);
      job.settle(outcome);
    }
    next();
  }

  /** A thread that cannot even start would not the next time either: nothing is left to wait for it. */
  function giveUpStarting(): void {
    void end();
    for (const job of queue.clear()) job.settle({ type: 'unserved' });
  }

  function wait(task: Task, { keyId, signal }: TaskOwner, limitMs: number): Promise<ThreadOutcome<Answer>> {
    return new Promise((resolve) => {
      const drop = (): void => {
        if (queue.remove(job)) job.settle({ type: 'dropped' });
      };
      const job: Job<Task, Answer> = {
        task,
        keyId,
        limitMs,
        settle(outcome) {
          clearTimeout(job.waiting);
          signal.removeEventListener('abort', drop);
          resolve(outcome);
        },
        waiting: undefined,
      };
      signal.addEventListener('abort', drop);
      const displaced = queue.push(job);
      displaced?.settle({ type: 'full' });
      if (displaced === job) return;
      // While the thread starts, `startMs` is the limit.
      if (ready) watch(job);
      next();
    });
  }

  return {
    async run(task, owner, limitMs = taskMs) {
      if (closed) return { type: 'closed' };
      if (owner.signal.aborted) return { type: 'dropped' };
      const retryAfterMs = time.restsForMs(owner.keyId);
      return retryAfterMs > 0 ? { type: 'spent', retryAfterMs } : wait(task, owner, limitMs);
    },
    restsForMs: (keyId) => time.restsForMs(keyId),
    async close() {
      closed = true;
      const ending = end();
      const running = current === undefined ? [] : [current];
      current = undefined;
      for (const job of [...running, ...queue.clear()]) job.settle({ type: 'closed' });
      await ending;
    },
  };
}
