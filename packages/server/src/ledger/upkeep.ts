import type { GuardedLimiter } from '../limits/contract.ts';
import type { Store } from '../storage/contract.ts';
import type { LedgerLog } from './ledger-log.ts';
import type { RecordWriter } from './record-writer.ts';

/** A process that serves: its name in the store, and in the limiter. */
export interface Connection {
  readonly processId: string;
  readonly placesId: string;
}

/** What the ledger does by the clock: beats, the records of dead processes, old records, the last use of keys. */
export interface Upkeep {
  /** A process serves from now on; its intents stay open. */
  join(connection: Connection): void;
  /** A process has ended in good order. */
  leave(processId: string): Promise<void>;
  /** Closes the open intents of dead processes; where the store is away, as soon as it answers. Never rejects. */
  recover(): Promise<void>;
  touch(keyId: string, atMs: number): void;
  close(): Promise<void>;
}

export interface UpkeepOptions {
  readonly store: Store;
  readonly shared: boolean;
  readonly limiter: GuardedLimiter;
  readonly writer: Pick<RecordWriter, 'reachable' | 'stored' | 'closed'>;
  readonly log: LedgerLog;
  readonly retentionMs: number;
  readonly contentRetentionMs: number;
  /** Processes that live and will join. Default: none. */
  readonly returning?: readonly string[];
  now(): number;
  every(ms: number, work: () => void): () => void;
}

const beatMs = 2_000;
/** Of a process in a shared store. */
const expiredMs = 10_000;
/** No other service has a store of its own folder open: its other processes are dead, also by a clock that went back. */
const whateverBeat = -Number.MAX_SAFE_INTEGER;
const touchMs = 5_000;
const retireMs = 3_600_000;

export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { store, shared, limiter, writer, log, retentionMs, now, every } = options;
  /** The names of the living in the limiter, by those in the store. */
  const living = new Map<string, string>();
  const returning = new Set(options.returning);
  /** They have ended, and what they have said last is still being written. */
  const leaving = new Set<string>();
  /** Since when the store has answered without a break: after an outage the other processes have to beat first. */
  let answersSinceMs = Number.NEGATIVE_INFINITY;
  /** A process has ended, or a service before this one: its open intents have no end any more. */
  let someDied = true;
  let uses = new Map<string, number>();
  let busy = false;

  async function beat(): Promise<void> {
    // Also while the store hangs: without a beat the limiter would give the places of running streams away.
    for (const placesId of living.values()) void limiter.beat(placesId);
    // A store that hangs gets one call at a time.
    if (busy) return;
    busy = true;
    try {
      if (!writer.reachable) {
        answersSinceMs = Number.POSITIVE_INFINITY;
        return;
      }
      for (const processId of living.keys()) await store.beat(processId);
      if (answersSinceMs === Number.POSITIVE_INFINITY) answersSinceMs = now();
      if (shared ? now() - answersSinceMs >= expiredMs : someDied) await closeDead();
    } catch {
      // The writer of records notices and says that the store is away.
      answersSinceMs = Number.POSITIVE_INFINITY;
    } finally {
      busy = false;
    }
  }

  async function closeDead(): Promise<void> {
    someDied = false;
    try {
      // What a dead process has said last lies in the spool, its intents perhaps too.
      if (await writer.stored()) await closeDeadNow();
      else someDied = true;
    } catch (error) {
      someDied = true;
      // Perhaps some have been closed, and only the answer that names them is lost.
      writer.closed([]);
      throw error;
    }
  }

  async function closeDeadNow(): Promise<void> {
    const closed = await store.closeDead({
      living: [...living.keys(), ...leaving, ...returning],
      expiredMs: shared ? expiredMs : whateverBeat,
      nowMs: now(),
    });
    if (closed.length > 0) {
      writer.closed(closed);
      log.warn('closed the records of requests whose process was killed', { records: closed.length });
    }
  }

  async function noteUses(): Promise<void> {
    if (uses.size === 0 || !writer.reachable) return;
    const noted = [...uses].map(([keyId, atMs]) => ({ keyId, atMs }));
    uses = new Map();
    // Of little weight: where the store is away, the next use is noted.
    await store.touch(noted).catch(() => {});
  }

  async function retire(): Promise<void> {
    if (!writer.reachable) return;
    try {
      const records = await store.retire(now() - retentionMs);
      if (records > 0) log.info('deleted old usage records; their daily sums are kept', { records });
    } catch (error) {
      log.warn('old usage records could not be deleted', { reason: String(error) });
    }
    try {
      const contents = await store.retireContents(now() - options.contentRetentionMs);
      if (contents > 0) log.info('deleted old prompts and answers', { requests: contents });
    } catch (error) {
      log.warn('old prompts and answers could not be deleted', { reason: String(error) });
    }
  }

  const stops = [
    every(beatMs, () => void beat()),
    every(touchMs, () => void noteUses()),
    every(retireMs, () => void retire()),
  ];

  return {
    join({ processId, placesId }) {
      returning.delete(processId);
      living.set(processId, placesId);
      void beat();
    },
    async leave(processId) {
      const placesId = living.get(processId) ?? processId;
      living.delete(processId);
      leaving.add(processId);
      await limiter.leave(placesId);
      await writer.stored();
      leaving.delete(processId);
      // What it has left open now has no end any more. In a shared store its beat expires.
      someDied = true;
      if (!shared && writer.reachable) await closeDead().catch(() => {});
    },
    async recover() {
      if (writer.reachable) await closeDead().catch(() => {});
    },
    touch: (keyId, atMs) => {
      uses.set(keyId, atMs);
    },
    async close() {
      for (const stop of stops) stop();
      await noteUses();
      for (const processId of living.keys()) await store.leave(processId).catch(() => {});
    },
  };
}
