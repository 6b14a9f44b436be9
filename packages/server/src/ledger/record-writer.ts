import type { Admitted, Intent, Progress, RefusedBudget, Settled, Store } from '../storage/contract.ts';
import { StoreError } from '../storage/store-error.ts';
import { type After, afterTimeout } from './after.ts';
import { createBatcher } from './batcher.ts';
import type { LedgerLog } from './ledger-log.ts';
import { createOwnBooks } from './own-books.ts';
import { createSpoolDrain, reasonOf, refuses } from './spool-drain.ts';
import type { RecordSpool, SpoolEntry } from './spool-entry.ts';

/*
 * Writes intents and records. An ending goes to the spool, which hands it to the operating system at once, and from there to the
 * store, in groups: what was settled survives a kill, and costs the store little. An intent takes one of two ways:
 *
 *     a store of one service (SQLite)    budgets from `own-books.ts` ──▶ spool ──group──▶ store
 *     a shared store (PostgreSQL)        store, which checks the budgets; where it is away: spool ──▶ store
 *
 * All entries of a request lie in the spool in their order, or its intent is in the store before them. An intent whose
 * admission was given up is discarded: the store may have taken it all the same, or take it later, and then it leaves it out.
 */

export interface RecordWriter {
  /** `unavailable`: neither the store nor the spool takes the intent, or its budgets cannot be checked. Never rejects. */
  admit(intent: Intent): Promise<Admitted | 'unavailable'>;
  /** Whether the store, or while it is away the spool, takes the intent of a request without a budget now. */
  takesIntents(): boolean;
  progress(mark: Progress): void;
  /** `onKept`: it lies in the spool or in the store. */
  settle(record: Settled, onKept?: () => void): void;
  discard(id: string, createdAtMs: number, onKept?: () => void): void;
  /** False while the store is away. */
  readonly reachable: boolean;
  /**
   * Replays what a process before this one has left. Resolves with false where the store cannot be reached: then that is done
   * as soon as it can.
   */
  recover(): Promise<boolean>;
  /**
   * Resolves with true when all that has been written until now lies in the store; with false where the store is away, or takes
   * longer than `writeMs`.
   */
  stored(): Promise<boolean>;
  /** Open intents of a dead process have been closed in the store: these, or unknown ones where the list is empty. */
  closed(ids: readonly string[]): void;
  /** Resolves when all that has been asked until now is answered, and all that was written lies in the store or in the spool. */
  flush(): Promise<void>;
  /** {@link RecordWriter.flush}, drains the spool as far as possible, and closes it. */
  close(): Promise<void>;
}

export interface RecordWriterOptions {
  readonly store: Pick<
    Store,
    'admit' | 'keep' | 'progress' | 'settle' | 'discard' | 'noteRefusals' | 'ping' | 'durable' | 'spent'
  >;
  /** Whether others write to the store at the same time. */
  readonly shared: boolean;
  readonly spool: RecordSpool;
  readonly log: LedgerLog;
  /** Calls back when all requests and endings of the moment have been given to the writer: they are one group. */
  later(work: () => void): void;
  /** Returns a function that stops the timer. */
  every(ms: number, work: () => void): () => void;
  /** Once, after some milliseconds; returns a function that ends the wait. Default: the system's timers. */
  readonly after?: After;
  readonly limits?: WriterLimits;
  /** Notes the time of a write to the store. Default: nothing is noted. */
  timed?<T>(write: Promise<T>): Promise<T>;
}

export interface WriterLimits {
  /** The most that an admission waits for the store. Default: 1,000 ms. */
  readonly admitMs: number;
  /** After this time without an answer to a write the store is away. Default: 2,000 ms. */
  readonly writeMs: number;
  /**
   * How long entries wait in the spool for others, to be stored together. Default: 1,000 ms; 10 ms where the store is shared,
   * because other services close what this one leaves behind, and only the store tells them what has been delivered.
   */
  readonly groupMs: number;
  /** So many bytes of entries do not wait. Default: 256 KiB, of some 200 requests. */
  readonly groupBytes: number;
  /** The most that a writer which is closed waits for the replay of its spool. Default: 10,000 ms. */
  readonly lastReplayMs: number;
  /** Default: 500 ms. */
  readonly probeMs: number;
}

/** An intent as it was admitted: its completion may be cut. */
interface AdmittedIntent {
  readonly one: Asked;
  readonly intent: Intent;
  readonly answer: Admitted;
}

interface Asked {
  readonly intent: Intent;
  resolve(answer: Admitted | 'unavailable'): void;
}

interface Ended {
  readonly entry: Extract<SpoolEntry, { readonly type: 'settled' | 'discarded' | 'progress' | 'refused' }>;
  readonly onKept?: (() => void) | undefined;
}

const defaultLimits: Omit<WriterLimits, 'groupMs'> = {
  groupBytes: 256 * 1024,
  admitMs: 1_000,
  writeMs: 2_000,
  lastReplayMs: 10_000,
  probeMs: 500,
};

export function createRecordWriter(options: RecordWriterOptions): RecordWriter {
  const { store, shared, spool, log, later, timed = (write) => write } = options;
  const limits = options.limits ?? { ...defaultLimits, groupMs: shared ? 10 : 1_000 };
  const after = options.after ?? afterTimeout;
  const drain = createSpoolDrain({ ...options, after, limits, timed });
  const books = createOwnBooks({
    async read(budgets, begin) {
      if (drain.away) throw new StoreError('unreachable', 'away');
      do {
        if (!(await within(limits.admitMs, drain.drain()))) throw new StoreError('unreachable', 'away');
      } while (!drain.idle);
      begin();
      return within(limits.admitMs, store.spent(budgets));
    },
  });
  /** Whether the spool has taken the last intents. */
  let spoolTakes = true;
  const noteRefusal = onceForEachBudget((refusal) => endings.add({ entry: { type: 'refused', ...refusal } }));
  /** It has not taken the last endings. */
  let spoolFails = false;
  const admissions = createBatcher<Asked>(shared ? admitShared : admitOwn, later);
  const endings = createBatcher<Ended>(endAll, later);

  async function admitOwn(asked: readonly Asked[]): Promise<void> {
    const unknown = await admitKnown(asked);
    if (unknown.length === 0) return;
    await books.load(unknown.map(({ intent }) => intent));
    for (const one of await admitKnown(unknown)) one.resolve('unavailable');
  }

  /** Answers those whose budgets are known, and returns the others. */
  async function admitKnown(asked: readonly Asked[]): Promise<readonly Asked[]> {
    const admitted: AdmittedIntent[] = [];
    const unknown: Asked[] = [];
    for (const one of asked) {
      // What not even the disk takes must not grow. A store that answers takes it at once.
      const answer = drain.keepsSome && drain.away ? 'unknown' : books.admit(one.intent);
      if (answer === 'unknown') unknown.push(one);
      else if (!answer.ok) refuse(one, answer);
      else admitted.push({ one, answer, intent: { ...one.intent, reserved: answer.reserved } });
    }
    await keepAdmitted(admitted);
    return unknown;
  }

  function refuse({ intent, resolve }: Asked, answer: Extract<Admitted, { ok: false }>): void {
    if (answer.why === 'spent') noteRefusal({ budget: answer.budget, atMs: intent.createdAtMs });
    resolve(answer);
  }

  async function keepAdmitted(admitted: readonly AdmittedIntent[]): Promise<void> {
    if (admitted.length === 0) return;
    const intents = admitted.map(({ intent }) => intent);
    const kept = toSpool(intents) || (await keepDirectly(intents));
    for (const { one, answer } of admitted) {
      if (!kept) books.ended(one.intent.id);
      one.resolve(kept ? answer : 'unavailable');
    }
  }

  /** A spool whose folder is gone must not stop a service whose database is well. */
  async function keepDirectly(intents: readonly Intent[]): Promise<boolean> {
    if (drain.away) return false;
    try {
      await within(limits.admitMs, store.keep(intents));
      return true;
    } catch (error) {
      drain.failed(error);
      for (const { id, createdAtMs } of intents) discard(id, createdAtMs);
      return false;
    }
  }

  async function admitShared(asked: readonly Asked[]): Promise<void> {
    if (drain.away) {
      for (const one of asked) one.resolve(admitAway(one.intent));
      return;
    }
    const intents = asked.map(({ intent }) => intent);
    try {
      const answers = await within(limits.admitMs, timed(store.admit(intents)));
      for (const [at, one] of asked.entries()) {
        const answer = answers[at];
        if (answer?.ok === false) refuse(one, answer);
        else one.resolve(answer ?? 'unavailable');
      }
    } catch (error) {
      if (refuses(error)) return refuseAlone(asked, error);
      drain.failed(error);
      for (const { intent, resolve } of asked) {
        const answer = admitAway(intent);
        if (answer === 'unavailable') discard(intent.id, intent.createdAtMs);
        resolve(answer);
      }
    }
  }

  /** One value that the store does not take must not concern the other requests of its group. */
  async function refuseAlone(asked: readonly Asked[], error: unknown): Promise<void> {
    const [first] = asked;
    if (asked.length === 1 && first !== undefined) {
      log.error('the database refuses an intent; its request was refused', {
        record: first.intent.id,
        reason: reasonOf(error),
      });
      first.resolve('unavailable');
      return;
    }
    for (const one of asked) await admitShared([one]);
  }

  /** Only the store knows what has been spent of a budget. And what not even the disk takes must not grow. */
  function admitAway(intent: Intent): Admitted | 'unavailable' {
    const waits = intent.budgets.length === 0 && !drain.keepsSome;
    return waits && toSpool([intent]) ? { ok: true, reserved: intent.reserved } : 'unavailable';
  }

  function toSpool(intents: readonly Intent[]): boolean {
    if (!append(intents.map((intent) => ({ type: 'intent', intent }) as const))) return false;
    drain.wake();
    return true;
  }

  /** By the rules of intents, which leave a part of the spool to endings. */
  function append(entries: readonly SpoolEntry[]): boolean {
    spoolTakes = spool.append(entries, 'intents') === 'kept';
    return spoolTakes;
  }

  function takesIntents(): boolean {
    if (!drain.away) return true;
    if (drain.keepsSome) return false;
    // Only another append shows that the disk has room again; this entry changes nothing in the store.
    return spoolTakes || append([{ type: 'progress', mark: ofNoIntent }]);
  }

  function discard(id: string, createdAtMs: number, onKept?: () => void): void {
    endings.add({ entry: { type: 'discarded', id, createdAtMs }, onKept });
  }

  async function endAll(ended: readonly Ended[]): Promise<void> {
    const entries = ended.map(({ entry }) => entry);
    if (spool.append(entries, 'endings') === 'kept') {
      spoolFails = false;
      drain.wake();
      for (const { onKept } of ended) onKept?.();
    } else {
      // The progress of a run is only for the case that this process is killed.
      drain.keep(ended.filter(({ entry }) => entry.type !== 'progress'));
      if (!spoolFails) {
        log.error(
          'the disk does not take records; they go to the database without it, and new requests are refused while it is away',
        );
      }
      spoolFails = true;
    }
    if (shared) return;
    for (const one of entries) {
      if (one.type === 'settled') books.ended(one.record.id, one.record);
      else if (one.type === 'discarded') books.ended(one.id);
    }
  }

  async function flush(): Promise<void> {
    await admissions.worked();
    await endings.worked();
  }

  /** Rejects where the work takes longer. The work itself is not ended: it may still succeed, and may be repeated. */
  function within<T>(ms: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = after(ms, () => reject(new StoreError('unreachable', `no answer within ${ms} ms`)));
      work.then(
        (value) => {
          stop();
          resolve(value);
        },
        (error: unknown) => {
          stop();
          reject(error);
        },
      );
    });
  }

  return {
    admit: (intent) => new Promise((resolve) => admissions.add({ intent, resolve })),
    takesIntents,
    progress: (mark) => endings.add({ entry: { type: 'progress', mark } }),
    settle: (record, onKept) => endings.add({ entry: { type: 'settled', record }, onKept }),
    discard,
    get reachable() {
      return !drain.away;
    },
    async recover() {
      await drain.drain();
      return !drain.away;
    },
    async stored() {
      await endings.worked();
      if (drain.idle) return !drain.away;
      if (drain.away) return false;
      return within(limits.writeMs, drain.drain()).catch(() => false);
    },
    closed: books.closed,
    flush,
    async close() {
      await flush();
      await drain.close(limits.lastReplayMs);
      spool.close();
    },
  };
}

const ofNoIntent = {
  id: 'no-request',
  createdAtMs: 0,
  target: '',
  promptTokens: 0,
  completionTokens: 0,
  costMicroUsd: 0,
};

/** The refusals of one budget in one period are noted at this many budgets at most before they are noted again. */
const mostNoted = 10_000;

/** Calls `note` with the first refusal of each limit of a budget in a period: a client that is refused may ask very often. */
function onceForEachBudget(note: (refusal: RefusedBudget) => void): (refusal: RefusedBudget) => void {
  const noted = new Set<string>();
  return (refusal) => {
    const { scope, unit, sinceMs, limit } = refusal.budget;
    const which = `${scope} ${unit} ${sinceMs} ${limit}`;
    if (noted.has(which)) return;
    if (noted.size >= mostNoted) noted.clear();
    noted.add(which);
    note(refusal);
  };
}
