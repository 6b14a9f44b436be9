import type { After } from '../after.ts';
import type { OnProblem } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** Syncs files a while after they were written, all in one, and closes them once that is done. */
export interface GroupedSync {
  /** Bytes of an open file may not be on the disk itself. */
  wrote(file: number): void;
  /** The file is not written any more, and is closed as soon as it has been synced; `removed`: without a sync. */
  release(file: number, how: 'written' | 'removed'): void;
  /** Syncs at once, within the call. What is released is closed. */
  finish(): void;
}

interface State {
  /** Its entry in the folder is on the disk. */
  placed: boolean;
  dirty: boolean;
  syncing: boolean;
  released: boolean;
}

export interface GroupedSyncOptions {
  readonly files: SpoolFiles;
  /** The folder of the files: the entry of a file there is synced once. */
  readonly folder: string;
  readonly afterMs: number;
  readonly after: After;
  /** Whether what has been written still has to reach the disk when its sync is due. */
  readonly needed: () => boolean;
  readonly onProblem: OnProblem;
}

export function createGroupedSync({
  files,
  folder,
  afterMs,
  after,
  needed,
  onProblem,
}: GroupedSyncOptions): GroupedSync {
  const states = new Map<number, State>();
  let stop: (() => void) | undefined;
  let failing = false;
  let finished = false;

  /** Reports the first error of several in a row. */
  function noteError(error: unknown): void {
    const failed = error !== undefined && error !== null;
    if (failed && !failing) onProblem('the spool could not be synced', error);
    failing = failed;
  }

  function stateOf(file: number): State {
    const state = states.get(file) ?? { placed: false, dirty: false, syncing: false, released: false };
    states.set(file, state);
    return state;
  }

  function schedule(): void {
    stop ??= after(afterMs, () => {
      stop = undefined;
      for (const [file, state] of states) {
        if (!state.dirty || state.syncing) continue;
        if (needed()) sync(file, state);
        else {
          state.dirty = false;
          closeIdle(file, state);
        }
      }
    });
  }

  function sync(file: number, state: State): void {
    state.dirty = false;
    state.syncing = true;
    files.sync(file, state.placed ? undefined : folder, (error) => {
      state.syncing = false;
      noteError(error);
      if (!failing) state.placed = true;
      // It is tried again: the bytes are the operating system's, and a disk may come back.
      if (failing && !finished) state.dirty = true;
      if (state.dirty) schedule();
      closeIdle(file, state);
    });
  }

  function closeIdle(file: number, { dirty, syncing, released }: State): void {
    if (dirty || syncing || !released) return;
    states.delete(file);
    try {
      files.close(file);
    } catch (error) {
      onProblem('a file of the spool could not be closed', error);
    }
  }

  return {
    wrote(file) {
      stateOf(file).dirty = true;
      schedule();
    },
    release(file, how) {
      const state = stateOf(file);
      state.released = true;
      if (how === 'removed') state.dirty = false;
      closeIdle(file, state);
    },
    finish() {
      finished = true;
      stop?.();
      stop = undefined;
      for (const [file, state] of states) {
        if (state.dirty) {
          state.dirty = false;
          try {
            files.syncNow(file, state.placed ? undefined : folder);
          } catch (error) {
            noteError(error);
          }
        }
        closeIdle(file, state);
      }
    },
  };
}
