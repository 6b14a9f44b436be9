/**
 * The deadlines and waits of all streams in one queue, ordered by the time at which they are due, with one timer of Node for
 * the first of them. A `setTimeout` of its own for each wait takes 190 bytes (the timer, its callback, the variables of the
 * callback) and a stream has four waits at a time. An entry of this queue is an object that the stream has anyway: it takes
 * two numbers.
 *
 *     start ──▶ binary heap by `dueMs` ──first entry──▶ one setTimeout ──▶ fire(), entry by entry
 *
 * Starting and stopping an entry takes a logarithm of steps: 0.2 µs among 40,000 entries.
 */

/** An entry of the queue. The queue alone sets both numbers. */
export interface QueuedTimer {
  /** When the entry is due, in whole milliseconds of the queue's clock: V8 stores a fraction as an object of its own. */
  dueMs: number;
  /** The place in the queue; {@link notQueued} where the entry waits for nothing. */
  place: number;
  /** Called once for each start, when the entry is due. The entry is not in the queue any more, and may be started again. */
  fire(): void;
}

/** The place of an entry that waits for nothing. */
export const notQueued = -1;

/** See the top of the file. Its own timer does not keep the process alive. */
export interface TimerQueue {
  /** Makes the entry due in `afterMs` milliseconds, never earlier. An entry that waits already gets the new time. */
  start(timer: QueuedTimer, afterMs: number): void;
  /** The entry waits for nothing any more. May be called at any time. */
  stop(timer: QueuedTimer): void;
  /** Entries that wait. */
  readonly size: number;
  /** The queue's clock, in monotonic milliseconds. */
  now(): number;
}

/** Creates an empty queue; `now` gives monotonic milliseconds. */
export function createTimerQueue(now: () => number): TimerQueue {
  return new HeapQueue(now);
}

/** The longest time that `setTimeout` takes; for a later entry the queue wakes up in between. */
const longestSleepMs = 2 ** 31 - 1;

class HeapQueue implements TimerQueue {
  private readonly heap: QueuedTimer[] = [];
  readonly now: () => number;
  private sleep: NodeJS.Timeout | undefined;
  /** When the sleep ends. */
  private wakeMs = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  get size(): number {
    return this.heap.length;
  }

  start(timer: QueuedTimer, afterMs: number): void {
    // Rounded up, so that an entry is never due too early.
    const dueMs = Math.ceil(this.now() + Math.max(0, afterMs));
    if (timer.place === notQueued) {
      timer.dueMs = dueMs;
      timer.place = this.heap.length;
      this.heap.push(timer);
      this.rise(timer);
    } else {
      const later = dueMs > timer.dueMs;
      timer.dueMs = dueMs;
      if (later) this.sink(timer);
      else this.rise(timer);
    }
    this.wakeForFirst();
  }

  stop(timer: QueuedTimer): void {
    const { place } = timer;
    if (place === notQueued) return;
    timer.place = notQueued;
    const last = this.heap.pop();
    if (this.heap.length === 0) this.endSleep();
    if (last === undefined || last === timer) return;
    this.heap[place] = last;
    last.place = place;
    this.rise(last);
    this.sink(last);
  }

  /** Sleeps until the first entry is due. A sleep that ends earlier is kept: it costs less than a new one. */
  private wakeForFirst(): void {
    const [first] = this.heap;
    if (first === undefined || (this.sleep !== undefined && this.wakeMs <= first.dueMs)) return;
    this.endSleep();
    this.wakeMs = first.dueMs;
    this.sleep = setTimeout(this.wake, Math.min(longestSleepMs, Math.max(1, first.dueMs - this.now())));
    this.sleep.unref();
  }

  private endSleep(): void {
    clearTimeout(this.sleep);
    this.sleep = undefined;
  }

  private readonly wake = (): void => {
    this.sleep = undefined;
    try {
      const nowMs = this.now();
      for (;;) {
        const [first] = this.heap;
        if (first === undefined || first.dueMs > nowMs) return;
        this.stop(first);
        first.fire();
      }
    } finally {
      // Also where an entry has thrown: the others must not wait for ever.
      this.wakeForFirst();
    }
  };

  private rise(timer: QueuedTimer): void {
    const { heap } = this;
    let { place } = timer;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.dueMs <= timer.dueMs) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = timer;
    timer.place = place;
  }

  private sink(timer: QueuedTimer): void {
    const { heap } = this;
    let { place } = timer;
    for (;;) {
      const left = 2 * place + 1;
      const one = heap[left];
      const other = heap[left + 1];
      const child = other !== undefined && one !== undefined && other.dueMs < one.dueMs ? other : one;
      if (child === undefined || child.dueMs >= timer.dueMs) break;
      const below = child.place;
      heap[place] = child;
      child.place = place;
      place = below;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

/** The queue of the process. */
export const timers: TimerQueue = createTimerQueue(() => performance.now());
