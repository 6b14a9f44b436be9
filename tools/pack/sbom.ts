import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../run.ts';
import { closureOf, type LockEntry, nameAt, readLock } from './lock.ts';
import { engineLibrary } from './partial-lock.ts';

export interface Ingredients {
  readonly name: string;
  readonly version: string;
  /** The packages that npm installs with this one. */
  readonly dependencies: readonly string[];
  /** The folders of those whose code is inside of it. */
  readonly bundled: readonly string[];
  /** Whether it fetches the engine's library when this is needed. */
  readonly hasEngine: boolean;
}

/**
 * The bill of materials of a package, as CycloneDX 1.6, made of the repository's lock: what npm installs with it
 * (`required`), what is inside of it (`required`, with the property `tailrace:bundled`), and what its engine fetches on demand
 * (`optional`). It has no date and no random number: the same lock gives the same text.
 */
export function sbomOf({ name, version, dependencies, bundled, hasEngine }: Ingredients): object {
  const lock = readLock();
  const required = closureOf(lock, dependencies);
  const inside = new Map(bundled.map((folder) => [path.relative(root, folder), [] as readonly string[]]));
  const onDemand = hasEngine ? closureOf(lock, [engineLibrary]) : new Map<string, readonly string[]>();
  const places = new Set([...required.keys(), ...inside.keys(), ...onDemand.keys()]);
  const refs = new Map([...places].map((place) => [place, purlOf(lock, place)]));
  const own = purl(name, version);
  const components = new Map<string, object>();
  for (const place of [...places].toSorted()) {
    const entry = entryAt(lock, place);
    // A package that stands for another one is empty.
    if (entry.name === 'empty-npm-package') continue;
    const ref = refs.get(place) ?? '';
    const component = componentOf(ref, entry.name ?? nameAt(place), entry, {
      licenses: entry.license === undefined ? concludedLicenses(lock, place) : licensesOf(entry.license),
      scope: required.has(place) || inside.has(place) ? 'required' : 'optional',
      isBundled: inside.has(place),
    });
    if (!components.has(ref)) components.set(ref, component);
  }
  const direct = dependencies.map((one) => refs.get(`node_modules/${one}`) ?? '');
  const edges = new Map<string, Set<string>>([
    [own, new Set([...direct, ...[...inside.keys()].map((one) => refs.get(one) ?? '')])],
  ]);
  for (const [place, needed] of [...required, ...inside, ...onDemand]) {
    const ref = refs.get(place) ?? '';
    if (!components.has(ref)) continue;
    const known = edges.get(ref) ?? new Set();
    for (const one of needed) known.add(refs.get(one) ?? '');
    edges.set(ref, known);
  }
  const text = JSON.stringify([...components.values()]);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`${own}${text}`)}`,
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': own,
        name,
        version,
        purl: own,
        licenses: licensesOf('MIT'),
      },
    },
    components: [...components.values()],
    dependencies: [...edges].map(([ref, needed]) => ({
      ref,
      dependsOn: [...needed].filter((one) => components.has(one)).toSorted(),
    })),
  };
}

function entryAt(lock: ReadonlyMap<string, LockEntry>, place: string): LockEntry {
  const entry = lock.get(place);
  if (entry !== undefined && entry.link !== true && entry.version !== undefined) return entry;
  // A package of this repository.
  const folder = entry?.resolved ?? place;
  return JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as LockEntry;
}

function purlOf(lock: ReadonlyMap<string, LockEntry>, place: string): string {
  const entry = entryAt(lock, place);
  return purl(entry.name ?? nameAt(place), entry.version ?? '');
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

function componentOf(
  ref: string,
  name: string,
  { version = '', integrity }: LockEntry,
  {
    licenses,
    scope,
    isBundled,
  }: {
    readonly licenses: readonly object[] | undefined;
    readonly scope: 'required' | 'optional';
    readonly isBundled: boolean;
  },
): object {
  return {
    type: 'library',
    'bom-ref': ref,
    name,
    version,
    scope,
    purl: ref,
    ...(licenses === undefined ? {} : { licenses }),
    ...(integrity === undefined ? {} : { hashes: hashesOf(integrity) }),
    ...(isBundled ? { properties: [{ name: 'tailrace:bundled', value: 'true' }] } : {}),
  };
}

/**
 * The lock has only the name of a platform package that its registry did not carry (tools/complete-lock.ts). The engine's are built and
 * published with the engine's library, from one repository under one licence; the bill says that this is concluded, not declared.
 */
function concludedLicenses(
  lock: ReadonlyMap<string, LockEntry>,
  place: string,
): readonly object[] | undefined {
  const license = lock.get(`node_modules/${engineLibrary}`)?.license;
  if (license === undefined || !nameAt(place).startsWith(`@${engineLibrary}/`)) return undefined;
  return [{ license: { id: license, acknowledgement: 'concluded' } }];
}

function licensesOf(license: string): readonly object[] {
  return /[ ()]/.test(license) ? [{ expression: license }] : [{ license: { id: license } }];
}

/** `sha512-…` of npm, in hexadecimal. */
function hashesOf(integrity: string): readonly object[] {
  return integrity.split(' ').map((one) => ({
    alg: `SHA-${one.slice(3, one.indexOf('-'))}`,
    content: Buffer.from(one.slice(one.indexOf('-') + 1), 'base64').toString('hex'),
  }));
}

/** A UUID of version 8, of the text's hash. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
