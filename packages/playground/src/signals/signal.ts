/** A value that changes, and those who want to know. It is the way from what the page knows to what it shows. */
export interface Signal<Value> {
  readonly get: () => Value;
  readonly set: (value: Value) => void;
  /** Calls back after each change. Returns the function that ends this. */
  readonly subscribe: (changed: () => void) => () => void;
}

/** The half of a signal that may be read. */
export interface Watched<Value> {
  readonly state: () => Value;
  readonly subscribe: (changed: () => void) => () => void;
}

export function createSignal<Value>(first: Value): Signal<Value> {
  const listeners = new Set<() => void>();
  let value = first;
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
}
