import type { Failure } from '../domain/failure.ts';
import type { Run } from './run.ts';

/** Every run that is at work, in one place: the admin list, the drain and the bound of `server.max_streams` look here. */
export interface RunRegistry {
  add(run: Run): void;
  remove(run: Run): void;
  get(id: string): Run | undefined;
  list(): readonly Run[];
  readonly size: number;
  /** Stops everything at work with the same failure. */
  stopAll(reason: Failure): void;
  /** Resolves when nothing is at work any more. */
  idle(): Promise<void>;
}

export function createRunRegistry(): RunRegistry {
  const running = new Map<string, Run>();
  let waiters: (() => void)[] = [];

  return {
    add: (run) => running.set(run.id, run),
    remove: (run) => {
      running.delete(run.id);
      if (running.size > 0) return;
      for (const wake of waiters) wake();
      waiters = [];
    },
    get: (id) => running.get(id),
    list: () => [...running.values()],
    get size() {
      return running.size;
    },
    stopAll: (reason) => {
      for (const run of running.values()) run.stop({ type: 'failed', failure: reason });
    },
    idle: () => (running.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  };
}
