import type { GuardedLimiter, LimitLease } from '../limits/contract.ts';
import type { Store } from '../storage/contract.ts';
import type { Figure } from '../telemetry/contract.ts';
import type { FigureName } from '../telemetry/metrics/metrics.ts';
import { type After, afterTimeout } from './after.ts';
import { createContentWriter } from './content-writer.ts';
import { type Admission, type AdmissionAsk, type Ending, type Ledger, withoutLimits } from './contract.ts';
import { createKeyFeed } from './key-feed.ts';
import { createLedgerFigures } from './ledger-figures.ts';
import type { LedgerLog } from './ledger-log.ts';
import { createRecordWriter, type WriterLimits } from './record-writer.ts';
import type { RecordSpool } from './spool-entry.ts';
import { type Connection, createUpkeep } from './upkeep.ts';
import type { WebhookState } from './webhook.ts';

export interface LedgerHostOptions {
  readonly store: Store;
  /** Whether other services use the store at the same time: PostgreSQL. */
  readonly shared: boolean;
  readonly limiter: GuardedLimiter;
  readonly spool: RecordSpool;
  readonly log: LedgerLog;
  /** How long records and contents are kept, in milliseconds. */
  readonly retentionMs: number;
  readonly contentRetentionMs: number;
  /** Processes that live and will connect: what they have left open is not closed. */
  readonly returning?: readonly string[];
  /** True while the store is lost: then the spool must not stand for it, and no request is admitted. */
  refuses?(): boolean;
  /** What the webhook does; undefined where there is none. */
  webhookState?(): WebhookState | undefined;
  /** Unix milliseconds. */
  now(): number;
  later(work: () => void): void;
  every(ms: number, work: () => void): () => void;
  /** Once, after some milliseconds; returns a function that ends the wait. Default: the system's timers. */
  readonly after?: After;
  readonly limits?: WriterLimits;
  /** The bound of the spool, for its metric. Absent: it has none. */
  readonly spoolLimitBytes?: number;
}

/** The ledger itself: it owns the store, the limiter and the spool, and serves any number of processes. */
export interface LedgerHost {
  /** Replays what processes before this one have left behind. Never rejects: where the store is away, that is done later. */
  recover(): Promise<void>;
  /**
   * The ledger for one process that serves. Its `close` only takes this process away. `placesId`: the name under which the limiter
   * counts its running streams; default: the same. A process whose ledger is a new one has a new name there.
   */
  connect(processId: string, placesId?: string): Ledger;
  /** Resolves when everything lies in the store or in the spool; closes both. */
  close(): Promise<void>;
}

export function createLedgerHost(options: LedgerHostOptions): LedgerHost {
  const { store, shared, limiter, spool, log, later, every, after = afterTimeout } = options;
  const times = createLedgerFigures(() => performance.now(), states);
  const writer = createRecordWriter({
    timed: times.store,
    store,
    shared,
    spool,
    log,
    later,
    every,
    after,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const contents = createContentWriter({
    store,
    log,
    now: options.now,
    retentionMs: options.contentRetentionMs,
  });
  const feed = createKeyFeed({ store, shared, every, after });
  const upkeep = createUpkeep({ ...options, writer });

  async function admit(
    { processId, placesId }: Connection,
    { scopes, intent }: AdmissionAsk,
  ): Promise<Admission> {
    if (options.refuses?.() === true) return { type: 'unavailable', what: 'records' };
    const { promptTokens, completionTokens } = intent.reserved;
    const decision =
      scopes.length === 0
        ? ({ type: 'allowed', lease: withoutLimits(placesId), windows: {} } as const)
        : await times.limiter(limiter.take({ processId: placesId, scopes, promptTokens, completionTokens }));
    if (decision.type === 'unavailable') return { type: 'unavailable', what: 'limits' };
    const { windows } = decision;
    if (decision.type === 'refused') {
      const { limit, scope, retryAfterMs } = decision;
      return { type: 'limited', limit, scope, retryAfterMs, windows };
    }
    const { lease } = decision;
    const admitted = await writer.admit({ ...intent, processId });
    if (admitted !== 'unavailable' && admitted.ok) return { type: 'admitted', lease, windows };
    release(lease, 'not-run');
    return admitted === 'unavailable'
      ? { type: 'unavailable', what: 'records' }
      : { type: 'over-budget', refused: admitted, windows };
  }

  function release(lease: LimitLease, usedTokens: number | 'not-run'): void {
    if (lease.scopes.length > 0) void limiter.settle(lease, usedTokens);
  }

  function settle(ending: Ending, onKept?: () => void): void {
    if (ending.type === 'nothing') {
      release(ending.lease, 0);
      writer.discard(ending.id, ending.createdAtMs, onKept);
      return;
    }
    const { record, lease } = ending;
    release(lease, record.promptTokens + record.completionTokens);
    writer.settle(record, onKept);
  }

  function states(): readonly Figure[] {
    const { spoolLimitBytes } = options;
    const states: readonly (readonly [FigureName, number])[] = [
      ['limiter_up', limiter.reachable?.() === false ? 0 : 1],
      ['storage_up', writer.reachable && options.refuses?.() !== true ? 1 : 0],
      ['spool', spool.bytes],
      ...(spoolLimitBytes === undefined ? [] : [['spool_limit', spoolLimitBytes] as const]),
    ];
    return states.map(([name, value]) => ({ name, labels: {}, value }));
  }

  /** Reads what the administration shows: with all that has been settled before. */
  async function whenStored<T>(read: () => Promise<T>): Promise<T> {
    await writer.stored();
    return read();
  }

  return {
    async recover() {
      if (!(await writer.recover())) log.warn('the server starts without its database');
      await upkeep.recover();
    },
    connect(processId, placesId = processId) {
      const connection = { processId, placesId };
      upkeep.join(connection);
      const unwatch: (() => void)[] = [];
      const admitting = new Set<Promise<Admission>>();
      return {
        admit(ask) {
          const admission = admit(connection, ask).finally(() => admitting.delete(admission));
          admitting.add(admission);
          return admission;
        },
        canAdmit: async () => options.refuses?.() !== true && writer.takesIntents(),
        progress: (marks) => {
          for (const mark of marks) writer.progress(mark);
        },
        settle,
        look: async (scopes) => (scopes.length === 0 ? {} : limiter.look(scopes)),
        reading: async () => times.read(),
        async webhook() {
          const state = options.webhookState?.();
          return state === undefined
            ? undefined
            : { ...state, ...(await whenStored(() => store.waitingEvents())) };
        },
        async change(change, once) {
          const written = await store.change(change, once);
          if (written.type === 'done') await feed.changed();
          return written;
        },
        touch: upkeep.touch,
        keepContent: contents.keep,
        content: contents.find,
        mask: async (secrets, keyPrefix) => contents.mask(secrets, keyPrefix),
        async watchKeys(listener) {
          unwatch.push(await feed.watch(listener));
        },
        async close() {
          for (const stop of unwatch) stop();
          // Their intents are stored before those that this process leaves open are closed.
          await Promise.allSettled(admitting);
          await upkeep.leave(processId);
        },
        keysAfter: (version) => store.keysAfter(version),
        keyByHash: (hash) => store.keyByHash(hash),
        key: (id) => store.key(id),
        keys: (page) => store.keys(page),
        owner: (id) => store.owner(id),
        owners: (page) => store.owners(page),
        records: (query) => whenStored(() => store.records(query)),
        usage: (query) => whenStored(() => store.usage(query)),
        spent: (budgets) => whenStored(() => store.spent(budgets)),
      };
    },
    async close() {
      feed.close();
      await contents.close();
      await writer.close();
      await upkeep.close();
      await limiter.close();
      await store.close();
    },
  };
}
