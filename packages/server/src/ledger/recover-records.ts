import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createMemoryLimiter } from '../limits/memory/memory-limiter.ts';
import type { Store } from '../storage/contract.ts';
import type { LedgerLog } from './ledger-log.ts';
import { createRecordWriter } from './record-writer.ts';
import { findWaiting } from './spool/find-waiting.ts';
import { openSpool } from './spool/spool.ts';
import { createUpkeep } from './upkeep.ts';

/** The folder of the spool in a data folder. */
export function spoolFolder(dataDir: string): string {
  return join(dataDir, 'spool');
}

/** Whether something waits for the store in the spool of a data folder, of a living or a dead process. */
export function somethingWaits(dataDir: string): boolean {
  return findWaiting(spoolFolder(dataDir)).length > 0;
}

const lookAgainMs = 100;

/**
 * Waits until living processes have stored what waits in the spool of a data folder now; what comes later is not waited for.
 * Resolves with the number of entries that still wait after `mostMs`: the store is away from them, or slow.
 */
export async function whenStored(dataDir: string, mostMs: number): Promise<number> {
  const folder = spoolFolder(dataDir);
  const begun = new Map(findWaiting(folder).map(({ identity, end }) => [identity, end]));
  for (let leftMs = mostMs; begun.size > 0; leftMs -= lookAgainMs) {
    const found = findWaiting(folder).filter(({ identity, from }) => from < (begun.get(identity) ?? 0));
    if (found.length === 0) break;
    if (leftMs <= 0) return found.reduce((sum, { waiting }) => sum + waiting, 0);
    await delay(lookAgainMs);
  }
  return 0;
}

export interface RecoverOptions {
  /** The caller closes it. */
  readonly store: Store;
  /** Whether services may use the store at the same time: PostgreSQL. */
  readonly shared: boolean;
  readonly dataDir: string;
  readonly spoolBytes: number;
  /** Receives each step, and each problem, for the operator. */
  note(line: string): void;
  /** Unix milliseconds. */
  now(): number;
}

/**
 * Does for a command what a service does at its start: stores what killed processes have left in the spool of the data folder,
 * and closes their open records. The spools of living processes are left alone. Resolves with a message where the spool cannot
 * be opened.
 */
export async function recoverRecords(options: RecoverOptions): Promise<string | undefined> {
  const { store, shared, dataDir, now } = options;
  const log = noting(options.note);
  const opened = openSpool({
    folder: spoolFolder(dataDir),
    name: `command_${randomBytes(8).toString('hex')}`,
    maxBytes: options.spoolBytes,
    onProblem: (problem, error) =>
      log.error(error instanceof Error ? `${problem}: ${error.message}` : problem),
  });
  if (!opened.ok) return `the spool cannot be opened: ${opened.message}`;
  const { empty } = opened.spool;
  const never = () => () => {};
  const writer = createRecordWriter({
    store,
    shared,
    spool: opened.spool,
    log,
    later: setImmediate,
    every: never,
  });
  const upkeep = createUpkeep({
    store,
    shared,
    limiter: createMemoryLimiter({ now }),
    writer,
    log,
    retentionMs: Number.POSITIVE_INFINITY,
    contentRetentionMs: Number.POSITIVE_INFINITY,
    now,
    every: never,
  });
  if ((await writer.recover()) && !empty) log.info('stored what a killed server had left in the spool');
  await upkeep.recover();
  await upkeep.close();
  await writer.close();
  return undefined;
}

/** A log whose entries become lines. */
function noting(note: (line: string) => void): LedgerLog {
  const write: LedgerLog['info'] = (message, fields = {}) => {
    const facts = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    note(facts.length === 0 ? message : `${message} (${facts.join(', ')})`);
  };
  return { info: write, warn: write, error: write };
}
