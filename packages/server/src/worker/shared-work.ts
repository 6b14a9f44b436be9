import type { TaskOwner } from './killable-thread.ts';

/**
 * Work that several requests need at the same time. Requests of one key share one task. Each key has a task of its own,
 * so that it does not wait behind the other tasks of another key. The first task with a lasting value ends the tasks of
 * the other keys; a task that still waits is charged to no key.
 */
export interface SharedWork<Value> {
  /** `begin` starts the task of a key that has none; its signal aborts when every request has aborted. */
  ask(name: string, owner: TaskOwner, begin: (owner: TaskOwner) => Promise<Value>): Promise<Value>;
}

interface Task<Value> {
  readonly result: Promise<Value>;
  join(signal: AbortSignal): void;
  settle(value: Value): void;
}

/** `lasts`: true for a value that every key would get. */
export function createSharedWork<Value>(lasts: (value: Value) => boolean): SharedWork<Value> {
  /** By name, then key; no inner map is empty. */
  const underWay = new Map<string, Map<string, Task<Value>>>();

  function open(
    name: string,
    keyId: string,
    tasks: Map<string, Task<Value>>,
    begin: (owner: TaskOwner) => Promise<Value>,
  ): Task<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const unwanted = new AbortController();
    const joined: AbortSignal[] = [];
    let left = 0;

    function close(): void {
      for (const signal of joined) signal.removeEventListener('abort', leave);
      if (tasks.get(keyId) !== task) return;
      tasks.delete(keyId);
      if (tasks.size === 0) underWay.delete(name);
    }

    function leave(): void {
      left += 1;
      if (left < joined.length) return;
      close();
      unwanted.abort();
    }

    const task: Task<Value> = {
      result: promise,
      join(signal) {
        joined.push(signal);
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave);
      },
      settle(value) {
        close();
        resolve(value);
        unwanted.abort();
      },
    };
    tasks.set(keyId, task);
    begin({ keyId, signal: unwanted.signal }).then(
      (value) => {
        task.settle(value);
        if (lasts(value)) for (const other of [...tasks.values()]) other.settle(value);
      },
      (error: unknown) => {
        close();
        reject(error);
      },
    );
    return task;
  }

  return {
    ask(name, owner, begin) {
      const tasks = underWay.get(name) ?? new Map<string, Task<Value>>();
      underWay.set(name, tasks);
      const task = tasks.get(owner.keyId) ?? open(name, owner.keyId, tasks, begin);
      task.join(owner.signal);
      return task.result;
    },
  };
}
