import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryLimiter } from '../limits/memory/memory-limiter.ts';
import type { Store } from '../storage/contract.ts';
import type { LedgerLog } from './ledger-log.ts';
import { createRecordWriter } from './record-writer.ts';
import { openSpool } from './spool/spool.ts';
import { createUpkeep } from './upkeep.ts';

/** The folder of the spool in a data folder. */
export function spoolFolder(dataDir: string): string {
  return join(dataDir, 'spool');
}

/** Bytes of records that wait in the spool of a data folder, of living and dead processes; 0 where it has none. */
export function waitingBytes(dataDir: string): number {
  const folder = spoolFolder(dataDir);
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.log$/.test(name),
  );
  return files.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
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
