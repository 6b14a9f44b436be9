import type { Failure } from '../domain/failure.ts';
import { failure } from '../domain/failure.ts';
import type { Run, StopReason } from './run.ts';

/** Every run that is at work, in one place: the admin list, the drain and the limits look here. */
export interface RunRegistry {
  /** Registers a run under its total deadline. Whoever starts one calls `finish` in its `finally`. */
  start(spec: RunSpec): Run;
  finish(run: Run): void;
  list(): readonly Run[];
  readonly size: number;
  /** Stops everything at work with the same failure. */
  stopAll(reason: Failure): void;
  /** Resolves when nothing is at work any more. */
  idle(): Promise<void>;
}

export interface RunSpec {
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  readonly model: string;
  readonly stream: boolean;
  /** Milliseconds for everything: queue, prompt, answer. */
  readonly totalMs: number;
}

export function createRunRegistry(now: () => number): RunRegistry {
  const running = new Map<Run, NodeJS.Timeout>();
  let waiters: (() => void)[] = [];

  return {
    start: (spec) => {
      const run = createRun(spec, now());
      const deadline = setTimeout(
        () => run.stop({ type: 'failed', failure: pastDeadline(spec.totalMs) }),
        spec.totalMs,
      );
      running.set(run, deadline);
      return run;
    },
    finish: (run) => {
      clearTimeout(running.get(run));
      running.delete(run);
      if (running.size > 0) return;
      for (const wake of waiters) wake();
      waiters = [];
    },
    list: () => [...running.keys()],
    get size() {
      return running.size;
    },
    stopAll: (reason) => {
      for (const run of running.keys()) run.stop({ type: 'failed', failure: reason });
    },
    idle: () => (running.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  };
}

function createRun(spec: RunSpec, createdAtMs: number): Run {
  const { totalMs: _, ...facts } = spec;
  const controller = new AbortController();
  const run: Run & { stopReason: StopReason | undefined } = {
    ...facts,
    createdAtMs,
    signal: controller.signal,
    target: undefined,
    stopReason: undefined,
    stop: (reason) => {
      if (run.stopReason !== undefined) return;
      run.stopReason = reason;
      controller.abort();
    },
  };
  return run;
}

function pastDeadline(totalMs: number): Failure {
  return failure('deadline_exceeded', `The request took longer than its total deadline of ${totalMs} ms.`);
}
