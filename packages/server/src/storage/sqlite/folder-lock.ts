import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { OpeningFailure } from '../opening.ts';
import { sqliteOpeningFailure } from './sqlite-error.ts';

/*
 * One service uses a data folder. The lock is that of the operating system on a small file of its own, held by an exclusive
 * transaction of SQLite: it ends with its process, however that ends, and the database beside it stays readable for
 * `tailrace db export`. The file with the holder's name is only for the message.
 */

export interface FolderLock {
  release(): void;
}

export type FolderLocked = { readonly ok: true; readonly lock: FolderLock } | OpeningFailure;

/** Makes the folder where it is missing, and takes its lock. The caller releases it. */
export function lockFolder(
  folder: string,
  holder: { readonly pid: number; readonly address?: string },
): FolderLocked {
  const nameFile = join(folder, 'tailrace.lock.json');
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(join(folder, 'tailrace.lock'), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(nameFile, JSON.stringify(holder));
  } catch (error) {
    database?.close();
    const failure = sqliteOpeningFailure(error, folder);
    if (failure.reason !== 'locked') return failure;
    const by = holderOf(nameFile);
    return {
      ok: false,
      reason: 'locked',
      holder: by,
      message: `${folder} is used by ${by}: one service uses a data folder; stop that one, or give this one another folder`,
    };
  }
  const held = database;
  return {
    ok: true,
    lock: {
      release() {
        rmSync(nameFile, { force: true });
        held.close();
      },
    },
  };
}

/** Who holds the lock of a folder, in words. */
function holderOf(nameFile: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(nameFile, 'utf8'));
    if (typeof holder === 'object' && holder !== null && 'pid' in holder && typeof holder.pid === 'number') {
      const address =
        'address' in holder && typeof holder.address === 'string'
          ? `, which listens on ${holder.address}`
          : '';
      return `process ${holder.pid}${address}`;
    }
  } catch {
    // Its holder is writing it, or may not.
  }
  return 'another process';
}
