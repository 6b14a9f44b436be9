import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { failure } from '../../domain/failure.ts';
import type { LogFields } from '../../telemetry/log.ts';
import { FakeChild } from './fake-child.ts';
import { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const forever = new AbortController().signal;

function supervised(more: Partial<SupervisorOptions> = {}) {
  const children: FakeChild[] = [];
  const downs: number[] = [];
  const supervisor: Supervisor = createSupervisor({
    fork: () => {
      const child = new FakeChild();
      children.push(child);
      return child;
    },
    load: () => ({ type: 'load', threads: 1, flashAttention: false, models: [] }),
    onMessage: () => {},
    onDown: () => downs.push(children.length),
    busy: () => false,
    log: silent,
    now: () => Date.now(),
    ...more,
  });
  const last = (): FakeChild => {
    const child = children.at(-1);
    if (child === undefined) throw new Error('no child was started');
    return child;
  };
  return {
    children,
    downs,
    last,
    supervisor,
    async up() {
      const started = supervisor.start(forever);
      last().say({ type: 'ready' });
      return started;
    },
    /** The child dies, the next one is started after `ms`, and becomes ready. */
    async crash(ms: number) {
      const before = children.length;
      last().exit(1);
      await vi.advanceTimersByTimeAsync(ms);
      expect(children.length).toBe(before + 1);
      last().say({ type: 'ready' });
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('supervisor', () => {
  test('the first message is what to load, and the start succeeds when the child is ready', async () => {
    const run = supervised();
    expect(await run.up()).toEqual({ ok: true, value: undefined });
    expect(run.last().received[0]?.type).toBe('load');
    expect(run.supervisor.state()).toBe('up');
    await run.supervisor.stop();
  });

  test('a child that cannot load fails the start with its reason and is not restarted', async () => {
    const run = supervised();
    const started = run.supervisor.start(forever);
    run.last().say({ type: 'unloadable', failure: failure('internal_error', 'no GGUF') });
    expect(await started).toMatchObject({ ok: false, failure: { message: 'no GGUF' } });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(run.children.length).toBe(1);
    expect(run.supervisor.state()).toBe('stopped');
  });

  test('a child that dies while it loads fails the start', async () => {
    const run = supervised();
    const started = run.supervisor.start(forever);
    run.last().exit(null, 'SIGSEGV');
    expect(await started).toMatchObject({ ok: false });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(run.children.length).toBe(1);
  });

  test('a death while a model is loaded names its file', async () => {
    const run = supervised({ loadingFile: () => '/models/x.gguf' });
    const started = run.supervisor.start(forever);
    run.last().exit(null, 'SIGABRT');
    expect(await started).toMatchObject({
      ok: false,
      failure: { message: "The engine's process ended while it loaded /models/x.gguf (SIGABRT)." },
    });
  });

  test('a child that cannot load again is started with growing delays until it can', async () => {
    const errors: unknown[] = [];
    const log = { ...silent, error: (...said: unknown[]) => void errors.push(said) };
    const run = supervised({ log });
    await run.up();
    run.last().exit(1);
    await vi.advanceTimersByTimeAsync(0);
    for (const pauseMs of [0, 1000, 2000]) {
      run.last().say({ type: 'unloadable', failure: failure('internal_error', 'x.gguf does not exist') });
      await vi.advanceTimersByTimeAsync(pauseMs);
      expect([run.supervisor.cannotLoad(), run.supervisor.state()]).toEqual([true, 'loading']);
    }
    expect(JSON.stringify(errors)).toContain('x.gguf does not exist');
    run.last().say({ type: 'ready' });
    expect([run.supervisor.cannotLoad(), run.supervisor.state()]).toEqual([false, 'up']);
    await run.supervisor.stop();
  });

  test('an aborted start kills the child and fails', async () => {
    const run = supervised();
    const controller = new AbortController();
    const started = run.supervisor.start(controller.signal);
    controller.abort();
    expect((await started).ok).toBe(false);
    expect(run.last().alive).toBe(false);
  });

  test('a child that crashes is replaced at once, after onDown', async () => {
    const run = supervised();
    await run.up();
    await run.crash(0);
    expect(run.downs).toEqual([1]);
    expect(run.supervisor.state()).toBe('up');
    await run.supervisor.stop();
  });

  test('the delay grows up to a limit while children crash without having served a request', async () => {
    const run = supervised();
    await run.up();
    for (const pauseMs of [0, 0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      const before = run.children.length;
      run.last().exit(1);
      await vi.advanceTimersByTimeAsync(Math.max(0, pauseMs - 1));
      if (pauseMs > 0) {
        expect(run.children.length).toBe(before);
        expect(run.supervisor.state()).toBe('down');
        expect(run.supervisor.retryInMs()).toBe(1);
      }
      await vi.advanceTimersByTimeAsync(1);
      expect(run.children.length).toBe(before + 1);
      run.last().say({ type: 'ready' });
    }
    await run.supervisor.stop();
  });

  test('a completed request resets the count of crashes', async () => {
    const run = supervised();
    await run.up();
    for (let round = 0; round < 5; round++) {
      await run.crash(0);
      run.supervisor.served();
    }
    await run.supervisor.stop();
  });

  test('a silent child with open requests is killed, an idle one is not', async () => {
    let busy = false;
    const run = supervised({ busy: () => busy, hangMs: 5000 });
    await run.up();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run.children.length).toBe(1);
    busy = true;
    await vi.advanceTimersByTimeAsync(4000);
    run.last().say({ type: 'beat' });
    await vi.advanceTimersByTimeAsync(4000);
    expect(run.children.length).toBe(1);
    await vi.advanceTimersByTimeAsync(3000);
    expect(run.children[0]?.alive).toBe(false);
    expect(run.children.length).toBe(2);
    await run.supervisor.stop();
  });

  test('messages of a dead child are ignored', async () => {
    const heard: string[] = [];
    const run = supervised({ onMessage: (message) => heard.push(message.type) });
    await run.up();
    const old = run.last();
    await run.crash(0);
    old.say({ type: 'beat' });
    expect(heard).toEqual(['ready', 'ready']);
    await run.supervisor.stop();
  });

  test('stop kills the child, and no other is started', async () => {
    const run = supervised();
    await run.up();
    await run.supervisor.stop();
    expect(run.last().alive).toBe(false);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(run.children.length).toBe(1);
    expect(run.supervisor.send({ type: 'abort', id: 1 })).toBe(false);
  });

  test.each([
    [false, ['loading my lighthouse plan', 'CUDA out of memory …']],
    [true, ['loading my lighthouse plan', 'CUDA out of memory in my lighthouse plan']],
  ])(
    'what a child says while it has requests is logged whole only with content: %s',
    async (logContent, shown) => {
      const lines: unknown[] = [];
      const log = {
        ...silent,
        debug: (message: string, fields?: LogFields) => {
          if (message === 'engine') lines.push(fields?.['line']);
        },
      };
      const run = supervised({ log, logContent });
      const started = run.supervisor.start(forever);
      run.last().say({ type: 'log', message: 'loading my lighthouse plan' });
      run.last().say({ type: 'ready' });
      await started;
      run.last().say({ type: 'log', message: 'CUDA out of memory in my lighthouse plan' });
      expect(lines).toEqual(shown);
      await run.supervisor.stop();
    },
  );
});
