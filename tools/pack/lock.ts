import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../run.ts';

/** What package-lock.json says of one package. */
export interface LockEntry {
  /** The package's name, where it stands at the place of another. */
  readonly name?: string;
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** The packages of the repository's lock by their places: `node_modules/yargs/node_modules/ansi-regex`. */
export function readLock(): ReadonlyMap<string, LockEntry> {
  const text = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  return new Map(
    Object.entries((JSON.parse(text) as { packages: Readonly<Record<string, LockEntry>> }).packages),
  );
}

/** The places of these packages and of everything that they need, each with the places of what it needs itself. */
export function closureOf(
  lock: ReadonlyMap<string, LockEntry>,
  names: Iterable<string>,
): ReadonlyMap<string, readonly string[]> {
  const closure = new Map<string, readonly string[]>();
  const visit = (place: string): void => {
    if (closure.has(place)) return;
    const needed = neededBy(lock.get(place) ?? {}).flatMap((name) => placeOf(lock, place, name) ?? []);
    closure.set(place, needed);
    for (const one of needed) visit(one);
  };
  for (const name of names) {
    const place = placeOf(lock, '', name);
    if (place === undefined) throw new Error(`the lock has no ${name}`);
    visit(place);
  }
  return closure;
}

/** The name under which code imports what lies at a place. */
export function nameAt(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function neededBy(entry: LockEntry): readonly string[] {
  const peers = Object.keys(entry.peerDependencies ?? {}).filter(
    (name) => entry.peerDependenciesMeta?.[name]?.optional !== true,
  );
  return [
    ...Object.keys(entry.dependencies ?? {}),
    ...Object.keys(entry.optionalDependencies ?? {}),
    ...peers,
  ];
}

/** Where Node finds a package from a place: the nearest node_modules above it. */
function placeOf(lock: ReadonlyMap<string, LockEntry>, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock.has(place)) return place;
    if (folder === '') return undefined;
  }
}
