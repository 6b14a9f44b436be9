import type { SpoolFiles } from '../../packages/server/src/ledger/spool/spool-files.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { Mortal } from './mortal.ts';

/** The disk as a process reaches it that may be killed: a write during which it dies leaves a part of its bytes. */
export function mortalFiles(files: SpoolFiles, mortal: Mortal, dice: Dice): SpoolFiles {
  function alive(): void {
    mortal.effect();
    if (mortal.dead) throw Object.assign(new Error('the process is dead'), { code: 'EIO' });
  }
  return {
    ...files,
    append(file, bytes) {
      const wasDead = mortal.dead;
      mortal.effect();
      if (mortal.dead) {
        // The kernel has taken what the call had reached.
        if (!wasDead) files.append(file, bytes.subarray(0, dice.below(bytes.length)));
        throw Object.assign(new Error('the process is dead'), { code: 'EIO' });
      }
      files.append(file, bytes);
    },
    truncate: (file, length) => act(() => files.truncate(file, length)),
    sync: (file, folder, done) => {
      if (!mortal.dead) files.sync(file, folder, done);
    },
    rename: (from, to) => act(() => files.rename(from, to)),
    remove: (path) => act(() => files.remove(path)),
    removeFolder: (folder) => act(() => files.removeFolder(folder)),
  };

  function act<T>(work: () => T): T {
    alive();
    return work();
  }
}
