import { statSync } from 'node:fs';
import { StoreError } from '../store-error.ts';

/*
 * A file that is deleted or replaced lives on as long as it is open: SQLite would store records in it, and all of them would be
 * gone with the process. A look at the path costs 3 µs.
 */

export interface DatabaseFile {
  /** Throws a `StoreError` while the path does not lead to the file that was opened. */
  check(): void;
}

/** Of a database that has just been opened. `onLost` is called with true when the file is lost, with false when it is back. */
export function watchDatabaseFile(path: string, onLost: (lost: boolean) => void = () => {}): DatabaseFile {
  const opened = statSync(path);
  let lost = false;
  return {
    check() {
      const found = statSync(path, { throwIfNoEntry: false });
      const isLost = found?.ino !== opened.ino || found.dev !== opened.dev;
      if (isLost !== lost) {
        lost = isLost;
        onLost(lost);
      }
      if (lost) throw new StoreError('fault', `${path} has been deleted or replaced`);
    },
  };
}
