import type { Store } from '../../packages/server/src/storage/contract.ts';
import { StoreError } from '../../packages/server/src/storage/store-error.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { Mortal } from './mortal.ts';
import type { VirtualTime } from './virtual-time.ts';

/**
 * `away`: every call fails. `locked`: every write fails. `frozen`: no call is answered until it is over; then those that
 * waited are carried out late, or fail. `forgetful`: every call is carried out, and some answers are lost; a server of its own
 * carries out some writes only after their callers have given them up.
 */
export type Weather = 'fine' | 'away' | 'locked' | 'frozen' | 'forgetful';

/** What stands between one service and its store. */
export interface Path {
  weather: Weather;
  /** Every so many calls fails, either before or after it was carried out; 0: none. */
  failEvery: number;
  /** Ends `frozen`. */
  thaw(): void;
}

export interface UnsteadyOptions {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly mortal: Mortal;
  /** Whether calls overtake each other: PostgreSQL has several connections. */
  readonly concurrent: boolean;
  /** A call is about to be carried out. */
  readonly onBegin: (name: keyof Store) => Promise<void> | undefined;
  /** A call was carried out, whether or not its answer arrives. */
  readonly onDone: (
    name: keyof Store,
    args: readonly unknown[],
    result: unknown,
  ) => Promise<void> | undefined;
  /** A call was given up, and will be carried out all the same; then the result is called. */
  readonly onTardy: () => () => void;
}

const reading: ReadonlySet<keyof Store> = new Set<keyof Store>([
  'keysAfter',
  'keyByHash',
  'key',
  'keys',
  'owner',
  'owners',
  'records',
  'usage',
  'spent',
  'outbox',
]);

/** What a server may carry out after it has lost its client; only what may be repeated in any order. */
const tardy: ReadonlySet<keyof Store> = new Set<keyof Store>([
  'admit',
  'keep',
  'progress',
  'settle',
  'discard',
]);
/** Less than a statement may take. */
const tardyMs = 5_000;

/** The store as one service reaches it: slow, and failing by the weather of its path. */
export function unsteadyStore(
  store: Store,
  options: UnsteadyOptions,
): { readonly store: Store; readonly path: Path } {
  const { time, dice, mortal, concurrent, onBegin, onDone, onTardy } = options;
  let thawed: (() => void)[] = [];
  let calls = 0;
  let lastTurn: Promise<unknown> = Promise.resolve();
  const path: Path = {
    weather: 'fine',
    failEvery: 0,
    thaw() {
      const ready = thawed;
      thawed = [];
      // Where calls overtake each other, the order in which they waited means nothing.
      if (concurrent) ready.sort(() => dice.below(3) - 1);
      for (const go of ready) go();
    },
  };
  const fail = (why: string): never => {
    throw new StoreError('unreachable', `the store is ${why}`);
  };
  const pause = () => new Promise<void>((resolve) => time.after(1 + dice.below(4), resolve));

  async function carryOut(name: keyof Store, args: readonly unknown[]): Promise<unknown> {
    // A server of its own carries out what a client sent before its death.
    if (mortal.dead && !concurrent) return new Promise(() => {});
    const method = store[name] as (...all: readonly unknown[]) => Promise<unknown>;
    // What the witnesses read meanwhile is outside too: no timer may fire before they have it.
    return time.outside(
      (async () => {
        await onBegin(name);
        const result = await method(...args);
        await onDone(name, args, result);
        return result;
      })(),
    );
  }

  async function call(name: keyof Store, args: readonly unknown[]): Promise<unknown> {
    calls += 1;
    const failing = path.failEvery > 0 && calls % path.failEvery === 0;
    if (dice.chance(0.5)) await pause();
    if (path.weather === 'away') fail('away');
    if (path.weather === 'locked' && !reading.has(name)) fail('locked');
    if (path.weather === 'frozen') {
      const late = dice.chance(0.6);
      await new Promise<void>((resolve) => thawed.push(resolve));
      if (!late) fail('away: the connection is lost');
    }
    const lost = failing || (path.weather === 'forgetful' && dice.chance(0.5));
    if (failing && dice.chance(0.5)) fail('failing at this call');
    if (lost && concurrent && tardy.has(name) && dice.chance(0.3)) {
      const done = onTardy();
      time.after(1 + dice.below(tardyMs), () => void carryOut(name, args).finally(done));
      fail('out of reach: the connection is lost');
    }
    const result = await carryOut(name, args);
    if (lost) fail('out of reach: the answer is lost');
    if (dice.chance(0.3)) await pause();
    return result;
  }

  /** One connection: calls are carried out in their order. */
  function inTurn(work: () => Promise<unknown>): Promise<unknown> {
    if (concurrent) return work();
    const turn = lastTurn.then(work, work);
    lastTurn = turn;
    return turn;
  }

  const unsteady = new Proxy(store, {
    get: (_, name: keyof Store) => {
      if (name === 'close') return async () => {};
      return (...args: readonly unknown[]) => mortal.live(() => inTurn(() => call(name, args)));
    },
  });
  return { store: unsteady, path };
}
