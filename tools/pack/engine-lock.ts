import { closureOf, type LockEntry, readLock } from './lock.ts';

export const engineLibrary = 'node-llama-cpp';

/**
 * A lock of npm for the engine's library alone, in the versions and with the hashes of the repository's lock. The server gives it to
 * npm when its engine is first needed (packages/server/src/models/engine-library.ts).
 */
export function engineLock(): object {
  const lock = readLock();
  const places = [...closureOf(lock, [engineLibrary]).keys()].toSorted();
  const version = lock.get(`node_modules/${engineLibrary}`)?.version ?? '';
  return {
    name: 'tailrace-engine',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'tailrace-engine', dependencies: { [engineLibrary]: version } },
      ...Object.fromEntries(places.map((place) => [place, entryOf(lock.get(place) ?? {})])),
    },
  };
}

/** As it is in the repository's lock, without whose dependency it is there, and the address from which it came. */
function entryOf(entry: LockEntry): object {
  const {
    dev: _dev,
    devOptional: _devOptional,
    peer: _peer,
    resolved: _resolved,
    ...rest
  } = entry as LockEntry & {
    dev?: boolean;
    devOptional?: boolean;
    peer?: boolean;
  };
  return rest;
}
