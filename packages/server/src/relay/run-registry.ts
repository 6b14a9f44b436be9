import type { Failure } from '../domain/failure.ts';
import type { Run } from './run.ts';

/** Every run from its start to its end. The admin list, the drain and the limit `server.max_streams` read it. */
export interface RunRegistry {
  /**
   * Takes a place for a run that is about to start. Without it, all requests that wait for their admission at the same time
   * would see the last place free. The returned function gives the place back, and is called once.
   */
  reserve(): () => void;
  add(run: Run): void;
  remove(run: Run): void;
  get(id: string): Run | undefined;
  list(): readonly Run[];
  /** The runs, and the reserved places. */
  readonly size: number;
  /** Stops every run with this failure. */
  stopAll(reason: Failure): void;
  /** Resolves when there is no run; reserved places are not waited for. */
  idle(): Promise<void>;
}

/** Creates an empty registry. */
export function createRunRegistry(): RunRegistry {
  const running = new Map<string, Run>();
  let waiters: (() => void)[] = [];
  let reserved = 0;
  const giveBack = () => {
    reserved -= 1;
  };

  return {
    reserve: () => {
      reserved += 1;
      return giveBack;
    },
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
      return running.size + reserved;
    },
    stopAll: (reason) => {
      for (const run of running.values()) run.stop({ type: 'failed', failure: reason });
    },
    idle: () => (running.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  };
}
