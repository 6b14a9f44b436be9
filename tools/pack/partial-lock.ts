import { closureOf, type LockEntry, readLock } from './lock.ts';

export const engineLibrary = 'node-llama-cpp';

interface Root {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/**
 * A lock of npm for a package, in the versions and with the hashes of the repository's lock: what was tested here is what is installed
 * there.
 */
export function lockFor(root: Root): object {
  const lock = readLock();
  const places = [...closureOf(lock, Object.keys(root.dependencies ?? {})).keys()].toSorted();
  return {
    name: root.name,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': root,
      ...Object.fromEntries(places.map((place) => [place, entryOf(lock.get(place) ?? {})])),
    },
  };
}

/**
 * The lock of the engine's library alone. The server gives it to npm when its engine is first needed
 * (packages/server/src/models/engine-library.ts).
 */
export function engineLock(): object {
  const version = readLock().get(`node_modules/${engineLibrary}`)?.version ?? '';
  return lockFor({ name: 'tailrace-engine', dependencies: { [engineLibrary]: version } });
}

/** As it is in the repository's lock, but for why it is there, and for the address from which it came. */
function entryOf(entry: LockEntry): object {
  const ofRepository = ['dev', 'devOptional', 'peer', 'resolved'];
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !ofRepository.includes(name)));
}
