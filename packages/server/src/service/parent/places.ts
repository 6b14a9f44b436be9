/**
 * Lends the places for runs (`server.max_streams`) to workers, so that a request costs no message until they are nearly taken.
 * Each worker gets an equal part. One that has used its own up borrows more; where none is left here, the others return those
 * that they do not use. The sum of what is lent never exceeds the number of places, except after a reload that lowers it.
 */
export interface LentPlaces<Worker> {
  /** The first part of a worker. */
  lendFirst(worker: Worker): number;
  /** More places for a worker; 0 where none is free in the whole service. */
  lendMore(worker: Worker): Promise<number>;
  /** The worker has ended: its places are free. */
  gone(worker: Worker): void;
  /** The number of places may have changed. Resolves when no more are lent than there are. */
  changed(): Promise<void>;
}

export interface LendingOptions<Worker> {
  /** All places. */
  total(): number;
  /** Workers that share them. */
  readonly workers: number;
  /** Has a worker give back the places that it does not use; resolves with their number, 0 where it has ended. */
  takeBack(worker: Worker): Promise<number>;
  wait(ms: number): Promise<void>;
}

/** While too many are lent, those that become free are taken back so often. */
const collectEveryMs = 500;

export function lendPlaces<Worker>({
  total,
  workers,
  takeBack,
  wait,
}: LendingOptions<Worker>): LentPlaces<Worker> {
  const lent = new Map<Worker, number>();
  /** One collection at a time: all that wait for places share it. */
  let collecting: Promise<void> | undefined;

  function free(): number {
    let sum = total();
    for (const places of lent.values()) sum -= places;
    return sum;
  }

  function lend(worker: Worker, wanted: number): number {
    const places = Math.max(0, Math.min(wanted, free()));
    lent.set(worker, (lent.get(worker) ?? 0) + places);
    return places;
  }

  async function collectFrom(worker: Worker): Promise<void> {
    const places = await takeBack(worker);
    const before = lent.get(worker);
    if (before !== undefined) lent.set(worker, before - places);
  }

  function collect(but?: Worker): Promise<void> {
    collecting ??= Promise.all(
      [...lent.keys()].flatMap((worker) => (worker === but ? [] : [collectFrom(worker)])),
    )
      .then(() => {})
      .finally(() => {
        collecting = undefined;
      });
    return collecting;
  }

  return {
    lendFirst: (worker) => lend(worker, Math.floor(total() / workers)),
    async lendMore(worker) {
      if (free() <= 0) await collect(worker);
      // A part of what is free: the others will ask too.
      const places = lend(worker, Math.ceil(Math.max(0, free()) / workers));
      return places;
    },
    gone: (worker) => {
      lent.delete(worker);
    },
    async changed() {
      while (free() < 0) {
        await collect();
        if (free() < 0) await wait(collectEveryMs);
      }
    },
  };
}
