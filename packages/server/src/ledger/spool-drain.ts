import type { Store } from '../storage/contract.ts';
import { StoreError } from '../storage/store-error.ts';
import type { After } from './after.ts';
import { type EntryStore, idOf, type StoreStep, stepsOf } from './apply-entries.ts';
import type { LedgerLog } from './ledger-log.ts';
import type { RecordSpool, SpoolEntry } from './spool-entry.ts';

/*
 * Moves what lies in the spool to the store, in groups:
 *
 *     wake ──groupMs, or groupBytes wait──▶ read ▶ store ▶ sync ▶ acknowledge ──▶ … until all is stored that was there at the beginning
 *            store fails ──▶ away ──probeMs──▶ ping, and the same again
 *
 * What is acknowledged would survive a power failure in the store. Every write may be repeated, so an acknowledgement that was
 * lost does no harm.
 */

/** An entry in memory. `onKept` is called when the store has it. */
export interface KeptEntry {
  readonly entry: SpoolEntry;
  readonly onKept?: (() => void) | undefined;
}

export interface SpoolDrain {
  /** Something has been appended: it begins to be stored in `groupMs` at the latest, where the store answers. */
  wake(): void;
  /** Keeps entries in memory that the spool did not take, until the store takes them: at once where it answers. */
  keep(entries: readonly KeptEntry[]): void;
  /** Whether there are such entries. */
  readonly keepsSome: boolean;
  /** Whether the store is away, as far as is known. */
  readonly away: boolean;
  /** A call to the store has failed elsewhere. */
  failed(error: unknown): void;
  /** Stores what lies in the spool now, also where the store has been away. Resolves with true when all of it is stored. */
  drain(): Promise<boolean>;
  /** Whether nothing waits, and nothing is being stored. */
  readonly idle: boolean;
  /** Drains a last time, for `lastMs` at most. What is left stays in the spool. */
  close(lastMs: number): Promise<void>;
}

export interface SpoolDrainOptions {
  readonly store: EntryStore & Pick<Store, 'ping' | 'durable'>;
  readonly spool: RecordSpool;
  readonly log: LedgerLog;
  /** After the present turn of the event loop. */
  later(work: () => void): void;
  readonly after: After;
  /** Returns a function that stops the timer. */
  every(ms: number, work: () => void): () => void;
  readonly limits: DrainLimits;
  /** Notes the time of a write. */
  timed<T>(write: Promise<T>): Promise<T>;
}

export interface DrainLimits {
  /** How long entries wait for others of their group, where fewer than `groupBytes` wait. */
  readonly groupMs: number;
  readonly groupBytes: number;
  /** After this time without an answer the store is away. The call is not given up. */
  readonly writeMs: number;
  readonly probeMs: number;
}

/** In one call of the store. Between two calls the ledger has time for admissions. */
const mostRows = 100;

export function createSpoolDrain(options: SpoolDrainOptions): SpoolDrain {
  const { store, spool, log, later, after, limits, timed } = options;
  let away = false;
  let running: Promise<void> | undefined;
  let stopWaiting: (() => void) | undefined;
  let closed = false;
  /** What not even the disk takes: at most one ending for each request that ran when it stopped. */
  let unwritten: readonly KeptEntry[] = [];
  /** How many of them have been stored. */
  let taken = 0;
  const stopProbing = options.every(limits.probeMs, () => {
    if (away || !isEmpty()) void run();
  });

  function isEmpty(): boolean {
    return spool.empty && unwritten.length === 0;
  }

  function failed(error: unknown): void {
    if (!away) log.warn('the database does not answer; records wait on disk', { reason: reasonOf(error) });
    away = true;
  }

  function answered(): void {
    if (away) log.info('the database answers again; the records that waited are stored');
    away = false;
  }

  function wake(): void {
    if (away || closed || running !== undefined) return;
    // What only memory keeps would be lost with the process.
    if (spool.end - spool.acknowledged >= limits.groupBytes || unwritten.length > 0) {
      void run();
      return;
    }
    stopWaiting ??= after(limits.groupMs, () => {
      stopWaiting = undefined;
      void run();
    });
  }

  function run(): Promise<void> {
    stopWaiting?.();
    stopWaiting = undefined;
    running ??= storeAll()
      .then(answered, failed)
      .finally(() => {
        running = undefined;
        if (!isEmpty()) wake();
      });
    return running;
  }

  async function storeAll(): Promise<void> {
    if (away) await noticed(store.ping());
    const end = spool.end;
    // Those that are kept from now on may belong to intents that lie behind `end`.
    const last = taken + unwritten.length;
    for (let position = 0; !spool.empty && position < end; ) {
      const read = spool.read();
      await storeEntries(read.entries);
      await noticed(store.durable());
      position = read.position;
      spool.acknowledge(position);
    }
    while (taken < last) {
      const first = unwritten.slice(0, Math.min(last - taken, mostRows));
      await storeEntries(first.map(({ entry }) => entry));
      for (const { onKept } of first) onKept?.();
      unwritten = unwritten.slice(first.length);
      taken += first.length;
    }
  }

  async function storeEntries(entries: readonly SpoolEntry[]): Promise<void> {
    for (const [at, step] of stepsOf(entries, mostRows).entries()) {
      if (at > 0) await new Promise<void>((resolve) => later(resolve));
      await storeOrReject(step);
    }
  }

  /** Where the store refuses entries, those that it refuses alone are put aside. */
  async function storeOrReject({ entries, write }: StoreStep): Promise<void> {
    try {
      await noticed(timed(write(store)));
    } catch (error) {
      if (!refuses(error)) throw error;
      const [entry] = entries;
      if (entries.length > 1 || entry === undefined) {
        for (const step of stepsOf(entries, 1)) await storeOrReject(step);
        return;
      }
      log.error('the database refuses a record; it was put aside in the spool folder', {
        record: idOf(entry),
        reason: reasonOf(error),
      });
      spool.reject(entry);
    }
  }

  /** A call that takes long: the store is away from then on. The call is not ended, because carried out late it must come first. */
  async function noticed<T>(call: Promise<T>): Promise<T> {
    const stop = after(limits.writeMs, () =>
      failed(new StoreError('unreachable', `no answer within ${limits.writeMs} ms`)),
    );
    try {
      return await call;
    } finally {
      stop();
    }
  }

  return {
    wake,
    keep(entries) {
      unwritten = [...unwritten, ...entries];
      wake();
    },
    get keepsSome() {
      return unwritten.length > 0;
    },
    get away() {
      return away;
    },
    failed,
    async drain() {
      const end = spool.end;
      const last = taken + unwritten.length;
      // A run that is under way has perhaps begun before the last entries.
      for (let runs = 0; runs < 2 && !isStored(end, last); runs += 1) {
        await run();
        if (away) break;
      }
      return isStored(end, last);
    },
    get idle() {
      return isEmpty() && running === undefined;
    },
    async close(lastMs) {
      closed = true;
      stopProbing();
      stopWaiting?.();
      stopWaiting = undefined;
      if (running === undefined && isEmpty()) return;
      await new Promise<void>((resolve) => {
        const stop = after(lastMs, resolve);
        void drainLast().then(() => {
          stop();
          resolve();
        });
      });
      if (unwritten.length > 0) log.error('records are lost', { records: unwritten.length });
    },
  };

  function isStored(end: number, last: number): boolean {
    return (spool.empty || spool.acknowledged >= end) && taken >= last;
  }

  async function drainLast(): Promise<void> {
    await running;
    if (!isEmpty()) await run();
  }
}

/** Whether the store answers and does not take an entry: a repetition changes nothing. Else it may take it later. */
export function refuses(error: unknown): boolean {
  return !(error instanceof StoreError) || error.code === 'refused';
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
