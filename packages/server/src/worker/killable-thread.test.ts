import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createKillableThread,
  type KillableThreadOptions,
  type TaskOwner,
  type ThreadWorker,
} from './killable-thread.ts';

/** A thread that the test plays. */
class FakeWorker extends EventEmitter implements ThreadWorker<string, string> {
  readonly tasks: string[] = [];
  terminated = false;
  held = true;
  postMessage(task: string): void {
    this.tasks.push(task);
  }
  ready(): void {
    this.emit('message', 'ready');
  }
  answers(tookMs = 1): void {
    this.emit('message', { answer: `${this.tasks.at(-1)}!`, tookMs });
  }
  ref(): void {
    this.held = true;
  }
  unref(): void {
    this.held = false;
  }
  terminate(): Promise<void> {
    this.terminated = true;
    return Promise.resolve();
  }
}

const budget = { freeMs: 100, burstMs: 3_000, refill: 0.25 };
const forever = new AbortController().signal;
const by = (keyId: string): TaskOwner => ({ keyId, signal: forever });

function played(more: Partial<KillableThreadOptions<string, string>> = {}) {
  const workers: FakeWorker[] = [];
  const thread = createKillableThread<string, string>({
    start: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    taskMs: 2_000,
    budget,
    now: () => Date.now(),
    ...more,
  });
  const last = (): FakeWorker => {
    const worker = workers.at(-1);
    if (worker === undefined) throw new Error('no thread was started');
    return worker;
  };
  /** The task that runs outlasts its time, and the next thread is ready after `startMs`. */
  const outlast = async (startMs = 200): Promise<void> => {
    await vi.advanceTimersByTimeAsync(2_001);
    await vi.advanceTimersByTimeAsync(startMs);
    if (!last().terminated) last().ready();
  };
  return { workers, thread, last, outlast };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a thread that keys share', () => {
  test('runs one task after the other, and keeps no process alive without a task', async () => {
    const { thread, last } = played();
    const both = [thread.run('a', by('k')), thread.run('b', by('k'))];
    last().ready();
    expect(last().tasks).toEqual(['a']);
    last().answers();
    expect([last().tasks, last().held]).toEqual([['a', 'b'], true]);
    last().answers();
    expect(await Promise.all(both)).toEqual([
      { type: 'done', answer: 'a!' },
      { type: 'done', answer: 'b!' },
    ]);
    expect(last().held).toBe(false);
  });

  test('serves another key next, although one key has many tasks', async () => {
    const { thread, last, outlast } = played();
    const flood = Array.from({ length: 40 }, (_, n) => thread.run(`evil ${n}`, by('evil')));
    last().ready();
    const other = thread.run('plain', by('other'));
    await outlast();
    expect(await flood[0]).toMatchObject({ type: 'late' });
    expect(last().tasks).toEqual(['plain']);
    last().answers();
    expect(await other).toMatchObject({ type: 'done' });
  });

  test('gives a key half the time after each late task, and all of it after a task in time', async () => {
    const { thread, last } = played({ budget: { freeMs: 0, burstMs: 60_000, refill: 1 } });
    const takes = async (owner: string, limitMs: number): Promise<void> => {
      const running = thread.run('slow', by(owner));
      if (last().terminated || last().tasks.length === 0) last().ready();
      let ended = false;
      void running.then(() => {
        ended = true;
      });
      await vi.advanceTimersByTimeAsync(limitMs - 1);
      expect(ended).toBe(false);
      await vi.advanceTimersByTimeAsync(2);
      expect(await running).toEqual({ type: 'late', limitMs });
    };
    for (const limitMs of [2_000, 1_000, 500, 250, 250]) await takes('evil', limitMs);
    await takes('other', 2_000);
    const inTime = thread.run('plain', by('evil'));
    last().ready();
    last().answers();
    await inTime;
    await takes('evil', 2_000);
    // One is forgotten every half minute, so a task that needs more than an eighth is not late for ever.
    for (const limitMs of [1_000, 500, 250]) await takes('evil', limitMs);
    await vi.advanceTimersByTimeAsync(30_000);
    await takes('evil', 500);
    await vi.advanceTimersByTimeAsync(60_000);
    await takes('evil', 1_000);
  });

  test('refuses new and waiting tasks of a key that has used up its time, and no others', async () => {
    const { thread, last, outlast } = played();
    const flood = Array.from({ length: 40 }, (_, n) => thread.run(`evil ${n}`, by('evil')));
    last().ready();
    await outlast();
    await outlast();
    const types = (await Promise.all(flood)).map(({ type }) => type);
    expect(types.slice(0, 3)).toEqual(['late', 'late', 'spent']);
    expect(new Set(types.slice(2))).toEqual(new Set(['spent']));
    const refused = await thread.run('more', by('evil'));
    expect(refused).toMatchObject({ type: 'spent', retryAfterMs: thread.restsForMs('evil') });
    const other = thread.run('plain', by('other'));
    last().ready();
    last().answers();
    expect(await other).toMatchObject({ type: 'done' });
    await vi.advanceTimersByTimeAsync(thread.restsForMs('evil'));
    expect(thread.restsForMs('evil')).toBe(0);
  });

  test('charges the start of the next thread to the key whose task ended the last one', async () => {
    const { thread, last, outlast } = played({ budget: { freeMs: 0, burstMs: 2_500, refill: 0.001 } });
    void thread.run('evil', by('evil'));
    last().ready();
    const other = thread.run('plain', by('other'));
    await vi.advanceTimersByTimeAsync(2_001);
    expect(thread.restsForMs('evil')).toBe(0);
    await outlast(600);
    expect(thread.restsForMs('evil')).toBeGreaterThan(0);
    last().answers();
    await other;
    expect(thread.restsForMs('other')).toBe(0);
  });

  test('drops a waiting task whose owner has aborted, and charges nothing for it', async () => {
    const { thread, last } = played();
    const stop = new AbortController();
    const running = thread.run('a', by('k'));
    last().ready();
    const waiting = thread.run('b', { keyId: 'other', signal: stop.signal });
    stop.abort();
    expect(await waiting).toEqual({ type: 'dropped' });
    last().answers();
    await running;
    expect(last().tasks).toEqual(['a']);
    expect(await thread.run('c', { keyId: 'k', signal: stop.signal })).toEqual({ type: 'dropped' });
  });

  test('refuses the newest tasks of the key that fills the queue', async () => {
    const { thread, last } = played({ queue: 3 });
    const flood = Array.from({ length: 6 }, (_, n) => thread.run(`a${n}`, by('a')));
    const other = thread.run('plain', by('other'));
    expect(await Promise.all(flood.slice(2))).toEqual(Array(4).fill({ type: 'full' }));
    last().ready();
    last().answers();
    last().answers();
    last().answers();
    expect(await other).toMatchObject({ type: 'done' });
  });

  test('accepts an answer that arrived in time although the event loop was blocked', async () => {
    vi.useRealTimers();
    const { thread, last } = played({ taskMs: 5, now: () => performance.now() });
    const asked = thread.run('a', by('k'));
    last().ready();
    // The answer is read in the turn in which the timer fires, behind it.
    setTimeout(() => queueMicrotask(() => last().answers()), 5);
    const until = performance.now() + 10;
    while (performance.now() < until);
    expect(await asked).toMatchObject({ type: 'done' });
    await thread.close();
  });

  test('gives up a task whose turn does not come in time', async () => {
    const { thread, last } = played({ waitMs: 1_000 });
    const running = thread.run('a', by('a'));
    const waiting = thread.run('b', by('b'));
    last().ready();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toEqual({ type: 'unserved' });
    last().answers();
    expect(await running).toMatchObject({ type: 'done' });
  });

  test('says why its thread died, and serves the next task with another', async () => {
    const { thread, last, workers } = played();
    const both = [thread.run('a', by('k')), thread.run('b', by('k'))];
    last().ready();
    const [first] = workers;
    first?.emit('error', new Error('out of memory'));
    first?.emit('exit');
    expect(await both[0]).toEqual({ type: 'died', why: 'out of memory' });
    expect(workers.length).toBe(2);
    last().ready();
    last().answers();
    expect(await both[1]).toMatchObject({ type: 'done' });
  });

  test('ends the waiting tasks of a thread that cannot start', async () => {
    const { thread, last } = played();
    const silent = thread.run('a', by('k'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect([await silent, last().terminated]).toEqual([{ type: 'unserved' }, true]);
    const broken = thread.run('a', by('k'));
    last().emit('error', new Error('no such file'));
    expect(await broken).toEqual({ type: 'unserved' });
  });

  test('ends its thread when it has been idle, and when it is closed', async () => {
    const { thread, last, workers } = played({ idleMs: 1_000 });
    const asked = thread.run('a', by('k'));
    last().ready();
    last().answers();
    await asked;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(last().terminated).toBe(true);
    const left = [thread.run('b', by('k')), thread.run('c', by('k'))];
    last().ready();
    await thread.close();
    expect(await Promise.all(left)).toEqual([{ type: 'closed' }, { type: 'closed' }]);
    expect([workers.length, last().terminated]).toEqual([2, true]);
    expect(await thread.run('d', by('k'))).toEqual({ type: 'closed' });
  });
});
