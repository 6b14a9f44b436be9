import type { Admitted, Intent, Progress, Settled, Store } from '../storage/contract.ts';
import { StoreError } from '../storage/store-error.ts';
import { createBatcher } from './batcher.ts';
import type { RecordSpool, SpoolEntry } from './spool-entry.ts';

/*
 * Writes intents and records. While the store answers, they go to the store, in groups. While it does not, they go to the
 * spool, and the writer asks the store each `probeMs` whether it is back; then it replays the spool.
 *
 *     store ──a call fails or takes too long──▶ spool ──ping and replay succeed──▶ store
 *
 * Every write may be repeated, so an acknowledgement that was lost does no harm. An ending whose intent waits in the spool
 * goes to the spool too: replayed in another order, the intent would stay open for ever. For the same reason an intent is
 * discarded where the store has failed and the request was refused: the store may have taken it all the same.
 */

export interface RecordWriter {
  /** `unavailable`: neither the store nor the spool takes the intent, or its budgets cannot be checked. Never rejects. */
  admit(intent: Intent): Promise<Admitted | 'unavailable'>;
  progress(mark: Progress): void;
  settle(record: Settled): void;
  discard(id: string, createdAtMs: number): void;
  /** False while the store is away. */
  readonly reachable: boolean;
  /** How often the spool has been replayed to its end. */
  readonly replays: number;
  /**
   * Replays what a process before this one has left. Resolves with false where the store cannot be reached: then that is done
   * as soon as it can.
   */
  recover(): Promise<boolean>;
  /** Resolves when all that has been written until now lies in the store or in the spool. */
  flush(): Promise<void>;
  /** {@link flush}, and closes the spool. */
  close(): Promise<void>;
}

export interface RecordWriterOptions {
  readonly store: Pick<Store, 'admit' | 'progress' | 'settle' | 'discard' | 'ping'>;
  readonly spool: RecordSpool;
  readonly log: LedgerLog;
  /** After the present turn of the event loop. */
  later(work: () => void): void;
  /** Returns a function that stops the timer. */
  every(ms: number, work: () => void): () => void;
  /** Once, after some milliseconds; returns a function that ends the wait. Default: the system's timers. */
  readonly after?: After;
  readonly limits?: WriterLimits;
}

export type After = (ms: number, work: () => void) => () => void;

export interface WriterLimits {
  /** The most that an admission waits for the store. Default: 1,000 ms. */
  readonly admitMs: number;
  /**
   * The most that another write waits; those that come meanwhile are only in memory until then, so a process that is killed
   * while the store hangs loses what it has settled. Default: 2,000 ms.
   */
  readonly writeMs: number;
  /** The most that a writer which is closed waits for the replay of its spool. Default: 10,000 ms. */
  readonly lastReplayMs: number;
  /** Default: 500 ms. */
  readonly probeMs: number;
}

export interface LedgerLog {
  warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  error(message: string, fields?: Readonly<Record<string, string | number>>): void;
  info(message: string, fields?: Readonly<Record<string, string | number>>): void;
}

interface Asked {
  readonly intent: Intent;
  resolve(answer: Admitted | 'unavailable'): void;
}

type Ended = Extract<SpoolEntry, { readonly type: 'settled' | 'discarded' | 'progress' }>;

const defaultLimits: WriterLimits = {
  admitMs: 1_000,
  writeMs: 2_000,
  lastReplayMs: 10_000,
  probeMs: 500,
};

export function createRecordWriter(options: RecordWriterOptions): RecordWriter {
  const { store, spool, log, later, every } = options;
  const limits = options.limits ?? defaultLimits;
  const after = options.after ?? afterTimeout;
  let away = false;
  let replaying: Promise<void> | undefined;
  let replays = 0;
  /** Intents of calls that were given up, and that the store may still carry out. */
  const late = new Set<string>();
  /** Those of them that have been discarded meanwhile. */
  const goneLate = new Map<string, number>();
  /** Intents that are in the spool and not yet in the store. */
  const spooled = new Set<string>();
  /** Endings that not even the disk takes: at most one for each request that ran when it stopped. */
  let unwritten: Ended[] = [];
  const admissions = createBatcher<Asked>(admitAll, later);
  const endings = createBatcher<Ended>(endAll, later);
  const stopProbing = every(limits.probeMs, () => {
    if (away || !spool.empty || unwritten.length > 0) void probe();
  });

  function wentAway(error: unknown): void {
    if (!away) log.warn('the database does not answer; records wait on disk', { reason: reasonOf(error) });
    away = true;
  }

  async function admitAll(asked: readonly Asked[]): Promise<void> {
    if (!away) {
      const call = store.admit(asked.map(({ intent }) => intent));
      let ended = false;
      const noteEnd = () => {
        ended = true;
      };
      call.then(noteEnd, noteEnd);
      try {
        const answers = await within(limits.admitMs, call);
        for (const [at, one] of asked.entries()) one.resolve(answers[at] ?? 'unavailable');
        return;
      } catch (error) {
        wentAway(error);
        if (!ended) awaitLate(asked, call);
        for (const one of asked) one.resolve(toSpool(one.intent, 'perhaps-stored'));
        return;
      }
    }
    for (const one of asked) one.resolve(toSpool(one.intent, 'not-stored'));
  }

  /** A discard that overtakes the call of its intent finds nothing: it is repeated after the call. */
  function awaitLate(asked: readonly Asked[], call: Promise<unknown>): void {
    for (const { intent } of asked) late.add(intent.id);
    const ended = () => {
      for (const { intent } of asked) {
        const { id, createdAtMs } = intent;
        late.delete(id);
        if (goneLate.delete(id)) endings.add({ type: 'discarded', id, createdAtMs });
      }
    };
    call.then(ended, ended);
  }

  function discard(id: string, createdAtMs: number): void {
    if (late.has(id)) goneLate.set(id, createdAtMs);
    endings.add({ type: 'discarded', id, createdAtMs });
  }

  function toSpool(intent: Intent, how: 'perhaps-stored' | 'not-stored'): Admitted | 'unavailable' {
    // Only the store knows what has been spent. And what not even the disk takes must not grow.
    const waits = intent.budgets.length === 0 && unwritten.length === 0;
    if (waits && spool.append([{ type: 'intent', intent }], 'intents') === 'kept') {
      spooled.add(intent.id);
      return { ok: true, reserved: intent.reserved };
    }
    if (how === 'perhaps-stored') discard(intent.id, intent.createdAtMs);
    return 'unavailable';
  }

  async function endAll(ended: readonly Ended[]): Promise<void> {
    const direct = away ? [] : ended.filter((one) => !spooled.has(idOf(one)));
    let rest: readonly Ended[] = away ? ended : ended.filter((one) => spooled.has(idOf(one)));
    if (direct.length > 0) {
      try {
        await within(limits.writeMs, apply(direct));
      } catch (error) {
        wentAway(error);
        rest = ended;
      }
    }
    if (rest.length > 0 && spool.append(rest, 'endings') !== 'kept') {
      // The progress of a run is only for the case that this process is killed.
      unwritten.push(...rest.filter(({ type }) => type !== 'progress'));
      log.error('the disk does not take records; new requests are refused until it does');
    }
  }

  async function apply(entries: readonly SpoolEntry[]): Promise<void> {
    let from = 0;
    while (from < entries.length) {
      const type = entries[from]?.type;
      let to = from + 1;
      while (entries[to]?.type === type) to += 1;
      await applyAlike(entries.slice(from, to));
      from = to;
    }
  }

  /** Writes entries of one type. An admitted intent is not checked against its budgets again. */
  async function applyAlike(entries: readonly SpoolEntry[]): Promise<void> {
    const intents: Intent[] = [];
    const marks: Progress[] = [];
    const records: Settled[] = [];
    const discarded: { id: string; createdAtMs: number }[] = [];
    for (const entry of entries) {
      if (entry.type === 'intent') intents.push({ ...entry.intent, budgets: [] });
      else if (entry.type === 'progress') marks.push(entry.mark);
      else if (entry.type === 'settled') records.push(entry.record);
      else discarded.push({ id: entry.id, createdAtMs: entry.createdAtMs });
    }
    if (intents.length > 0) await store.admit(intents);
    if (marks.length > 0) await store.progress(marks);
    if (records.length > 0) await store.settle(records);
    if (discarded.length > 0) await store.discard(discarded);
  }

  function probe(): Promise<void> {
    replaying ??= replay()
      .then(
        () => {
          if (away) log.info('the database answers again; the records that waited are stored');
          away = false;
          replays += 1;
        },
        (error: unknown) => wentAway(error),
      )
      .finally(() => {
        replaying = undefined;
      });
    return replaying;
  }

  async function replay(): Promise<void> {
    await within(limits.writeMs, store.ping());
    while (!spool.empty) {
      const { entries, position } = spool.read();
      await applyOrReject(entries);
      spool.acknowledge(position);
      for (const entry of entries) if (entry.type === 'intent') spooled.delete(entry.intent.id);
    }
    while (unwritten.length > 0) {
      const first = unwritten.slice(0, 500);
      await applyOrReject(first);
      unwritten = unwritten.slice(first.length);
    }
  }

  /**
   * Where the store refuses entries, those that it refuses alone are put aside. No call is abandoned here, as long as it may
   * take: carried out late, an intent would come after its ending.
   */
  async function applyOrReject(entries: readonly SpoolEntry[]): Promise<void> {
    try {
      await apply(entries);
    } catch (failed) {
      if (!refuses(failed)) throw failed;
      for (const entry of entries) {
        try {
          await apply([entry]);
        } catch (error) {
          if (!refuses(error)) throw error;
          log.error('the database refuses a record; it was put aside in the spool folder', {
            record: idOf(entry),
            reason: reasonOf(error),
          });
          spool.reject(entry);
        }
      }
    }
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

  async function flush(): Promise<void> {
    await admissions.worked();
    await endings.worked();
  }

  return {
    admit: (intent) => new Promise((resolve) => admissions.add({ intent, resolve })),
    progress: (mark) => endings.add({ type: 'progress', mark }),
    settle: (record) => endings.add({ type: 'settled', record }),
    discard,
    get reachable() {
      return !away;
    },
    get replays() {
      return replays;
    },
    async recover() {
      await probe();
      return !away;
    },
    flush,
    async close() {
      await flush();
      stopProbing();
      if (replaying !== undefined) await within(limits.lastReplayMs, replaying).catch(() => {});
      if (!spool.empty || unwritten.length > 0) await within(limits.lastReplayMs, probe()).catch(() => {});
      if (unwritten.length > 0) log.error('records are lost', { records: unwritten.length });
      spool.close();
    },
  };
}

function idOf(entry: SpoolEntry): string {
  switch (entry.type) {
    case 'intent':
      return entry.intent.id;
    case 'progress':
      return entry.mark.id;
    case 'settled':
      return entry.record.id;
    case 'discarded':
      return entry.id;
  }
}

/** Whether the store answers and does not take an entry: a repetition changes nothing. Else it may take it later. */
function refuses(error: unknown): boolean {
  return !(error instanceof StoreError) || error.code === 'refused';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function afterTimeout(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}
