/*
 * Completes the locks, that of the repository and those of the examples: every optional platform package that a locked package names
 * gets its entry.
 *
 * npm writes entries only for packages that the registry had when the lock was made. A lock made against an incomplete
 * mirror then fails everywhere with npm 11 ("Missing: … from lock file"), and leaves other platforms without their
 * binary. The entries added here have no integrity hash: npm fills it in when it fetches the package.
 *
 *     node tools/complete-lock.ts           writes
 *     node tools/complete-lock.ts --check   exits 1 and names what is missing
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const systems = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]);
const processors = new Set([
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
]);
const otherNames = new Map([
  ['mac', 'darwin'],
  ['win', 'win32'],
  ['windows', 'win32'],
]);

const root = path.join(import.meta.dirname, '..');
for (const name of ['package-lock.json', 'examples/package-lock.json', 'examples/nextjs/package-lock.json']) {
  const file = path.join(root, name);
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockEntry> };
  const missing = missingEntries(lock.packages);
  if (missing.size === 0) continue;
  if (process.argv.includes('--check')) {
    console.error(`${name} lacks ${[...missing.keys()].join(', ')}.\nRun: npm run lock`);
    process.exitCode = 1;
    continue;
  }
  const all = { ...lock.packages, ...Object.fromEntries(missing) };
  const sorted = Object.entries(all).sort(([one], [other]) => (one < other ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  console.error(`${name}: added ${missing.size} platform packages`);
}

function missingEntries(packages: Record<string, LockEntry>): Map<string, LockEntry> {
  const found = new Map<string, LockEntry>();
  for (const [place, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      // A range could be resolved only by the registry; platform packages are named with an exact version.
      if (!/^\d/.test(version) || isLocked(packages, place, name)) continue;
      found.set(`node_modules/${name}`, platformEntry(name, version, entry.dev === true));
    }
  }
  return found;
}

/** Node's own search: beside the package, then beside each of its parents. */
function isLocked(packages: Record<string, LockEntry>, place: string, name: string): boolean {
  let at = place;
  for (;;) {
    if (packages[path.posix.join(at, 'node_modules', name)] !== undefined) return true;
    if (at === '') return false;
    at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1));
  }
}

/** The name contains the platform; by the platform npm skips the package without asking the registry for it. */
function platformEntry(name: string, version: string, dev: boolean): LockEntry {
  const words = name.split(/[-/]/).map((word) => otherNames.get(word) ?? word);
  const cpu = words.filter((word) => processors.has(word));
  const os = words.filter((word) => systems.has(word));
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(words.includes('musl') && { libc: ['musl'] }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}
