import type { Failure } from '../domain/failure.ts';
import type { Run } from './run.ts';

/** Every run from its start to its end. The admin list, the drain and the limit `server.max_streams` read it. */
export interface RunRegistry {
  add(run: Run): void;
  remove(run: Run): void;
  get(id: string): Run | undefined;
  list(): readonly Run[];
  readonly size: number;
  /** Stops every run with this failure. */
  stopAll(reason: Failure): void;
  /** Resolves when the registry is empty. */
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
