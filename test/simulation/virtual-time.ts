/**
 * The time of a simulation. While it is installed, the timers, the immediates, the date and the random numbers of this process
 * are its own, so that a run takes no longer than its work, and is the same for the same seed.
 *
 *     advance(ms):  due timers one by one, in their order  ──after each──▶  settle(): until no promise and no immediate waits
 */
export interface VirtualTime {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds since the beginning, which a jump of the date does not change. */
  monotonic(): number;
  /** Calls back after some milliseconds; the result ends the wait. */
  after(ms: number, work: () => void): () => void;
  every(ms: number, work: () => void): () => void;
  immediately(work: () => void): void;
  /** Work that waits for the world outside, such as a real database: no timer fires until it has ended. */
  outside<T>(work: Promise<T>): Promise<T>;
  advance(ms: number): Promise<void>;
  /** Lets time pass until the promise has settled, at most `ms`; throws where it has not. */
  until<T>(what: string, work: Promise<T>, ms?: number): Promise<T>;
  /** The date goes forward; no timer fires earlier. */
  jump(ms: number): void;
  /** Gives the globals back. */
  uninstall(): void;
}

interface Timer {
  dueMs: number;
  readonly order: number;
  readonly work: () => void;
  readonly everyMs: number | undefined;
}

/** Between two immediates of one turn of the loop, Node lets all promises have their turn, without looking for input. */
const turnsAtOnce = 16;

const names = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const;

/** Installs it. `random` takes the place of `Math.random`. */
export function installVirtualTime(startMs: number, random: () => number): VirtualTime {
  const real = { setImmediate, dateNow: Date.now, random: Math.random };
  const before = Object.fromEntries(names.map((name) => [name, globalThis[name]]));
  const timers = new Set<Timer>();
  let immediates: { readonly work: () => void }[] = [];
  let elapsedMs = 0;
  let jumpedMs = 0;
  let lastOrder = 0;
  let outsideWork = 0;
  let wakers: (() => void)[] = [];

  function start(ms: number, work: () => void, everyMs?: number): Timer {
    lastOrder += 1;
    const timer = { dueMs: elapsedMs + Math.max(1, Math.ceil(ms)), order: lastOrder, work, everyMs };
    timers.add(timer);
    return timer;
  }

  function first(): Timer | undefined {
    let found: Timer | undefined;
    for (const timer of timers) {
      if (found === undefined || timer.dueMs < found.dueMs) found = timer;
    }
    return found;
  }

  /** Resolves after every promise that can settle. Real immediates are made in batches: each of them costs a turn of the loop. */
  let armed = 0;
  let resolveTurn: (() => void) | undefined;
  const ring = () => {
    armed -= 1;
    const resolve = resolveTurn;
    resolveTurn = undefined;
    resolve?.();
  };
  function turn(): Promise<void> {
    return new Promise((resolve) => {
      resolveTurn = resolve;
      if (armed > 0) return;
      for (; armed < turnsAtOnce; armed += 1) real.setImmediate(ring);
    });
  }

  /** Ends when nothing is left to do at this time. */
  async function settle(): Promise<void> {
    for (;;) {
      await turn();
      if (immediates.length === 0) {
        if (outsideWork === 0) return;
        await new Promise<void>((resolve) => {
          wakers.push(resolve);
        });
      }
      const ready = immediates;
      immediates = [];
      for (const { work } of ready) work();
    }
  }

  function fire(timer: Timer): void {
    if (timer.everyMs === undefined) timers.delete(timer);
    else timer.dueMs += timer.everyMs;
    timer.work();
  }

  async function advance(ms: number): Promise<void> {
    const endMs = elapsedMs + ms;
    await settle();
    for (let next = first(); next !== undefined && next.dueMs <= endMs; next = first()) {
      elapsedMs = Math.max(elapsedMs, next.dueMs);
      fire(next);
      await settle();
    }
    elapsedMs = endMs;
  }

  const handleOf = (timer: Timer) => {
    const handle = {
      timer,
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      refresh: () => handle,
    };
    return handle;
  };
  const clear = (handle: { readonly timer?: Timer } | undefined) => {
    if (handle?.timer !== undefined) timers.delete(handle.timer);
  };
  Object.assign(globalThis, {
    setTimeout: (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      handleOf(start(ms, () => work(...args))),
    setInterval: (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      handleOf(start(ms, () => work(...args), Math.max(1, ms))),
    setImmediate: (work: (...args: unknown[]) => void, ...args: unknown[]) => {
      const entry = { work: () => work(...args) };
      immediates.push(entry);
      return entry;
    },
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: (entry: object) => {
      immediates = immediates.filter((other) => other !== entry);
    },
  });
  const now = () => startMs + jumpedMs + elapsedMs;
  Date.now = now;
  Math.random = random;

  return {
    now,
    monotonic: () => elapsedMs,
    after(ms, work) {
      const timer = start(ms, work);
      return () => timers.delete(timer);
    },
    every(ms, work) {
      const timer = start(ms, work, ms);
      return () => timers.delete(timer);
    },
    immediately: (work) => {
      immediates.push({ work });
    },
    async outside(work) {
      outsideWork += 1;
      try {
        return await work;
      } finally {
        outsideWork -= 1;
        const woken = wakers;
        wakers = [];
        for (const wake of woken) wake();
      }
    },
    advance,
    async until(what, work, ms = 120_000) {
      let ended = false;
      const end = () => {
        ended = true;
      };
      work.then(end, end);
      const lastMs = elapsedMs + ms;
      await settle();
      while (!ended) {
        const next = first();
        if (next === undefined || next.dueMs > lastMs) throw new Error(`${what} takes more than ${ms} ms`);
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        fire(next);
        await settle();
      }
      return work;
    },
    jump(ms) {
      jumpedMs += ms;
    },
    uninstall() {
      Object.assign(globalThis, before);
      Date.now = real.dateNow;
      Math.random = real.random;
    },
  };
}
