import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from '../telemetry/log.ts';
import { describeCacheError, describeFileError } from './file-error.ts';
import { withFileLock } from './file-lock.ts';
import type { Environment } from './machine.ts';
import { found, type ModelResult, missing } from './model-result.ts';
import type { ProgressReporter } from './progress.ts';
import { runNpm } from './run-npm.ts';

/*
 * The library of the engine, node-llama-cpp, is no dependency of the published package: npm would install 725 MB of it, most of
 * them for GPUs, also where an operator only relays. The package has a lock of it instead (`tools/pack/engine-lock.ts`). From this npm
 * installs the library for this platform, without scripts and checked by its hashes, into the cache, when an engine is first
 * started (docs/decisions/0049).
 */
export interface EngineLibraryOptions {
  /** Absolute. It is made where it does not exist. */
  readonly cacheDir: string;
  readonly env: Environment;
  readonly progress: ProgressReporter;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Default: the lock of this package. */
  readonly lockFile?: string;
  /** Whether the library lies where this server's own code finds it. Default: asks Node. */
  readonly isBeside?: () => boolean;
}

/** What a lock of npm says of one package, as far as it is used here. */
interface LockEntry {
  readonly name?: string;
  readonly version?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

const library = 'node-llama-cpp';
const lockOfThisPackage = fileURLToPath(new URL('../../engine-lock.json', import.meta.url));

/**
 * The folder from which the engine's process loads its library; undefined where it lies beside this server, as in a clone of
 * the repository, and where the operator has installed it himself, for a GPU. Of two processes that want it, one fetches it. Fails with
 * `cancelled`, `disk_full`, `unwritable`, or with `unavailable`, whose message says what the operator can do.
 */
export async function ensureEngineLibrary(
  options: EngineLibraryOptions,
): Promise<ModelResult<string | undefined>> {
  const { cacheDir, signal, progress, lockFile = lockOfThisPackage, isBeside = liesBeside } = options;
  if (isBeside()) return found(undefined);
  let lock: string;
  try {
    lock = await readFile(lockFile, 'utf8');
  } catch (error) {
    return missing('unavailable', `the engine's library: ${describeFileError(error, lockFile).message}`);
  }
  const packages = packagesOf(lock);
  const version = packages.get(`node_modules/${library}`)?.version ?? '';
  const folder = path.join(cacheDir, `engine-${version}-${process.platform}-${process.arch}`);
  if (existsSync(folder)) return found(folder);
  try {
    await mkdir(cacheDir, { recursive: true });
    return await withFileLock(
      `${folder}.lock`,
      signal,
      () => progress.note('another process is fetching the engine; waiting for it…'),
      // The process that had the lock before may have fetched it.
      async () =>
        existsSync(folder) ? found(folder) : await fetchInto(folder, lock, packages, version, options),
    );
  } catch (error) {
    if (signal.aborted) return missing('cancelled', 'cancelled');
    return { ok: false, failure: describeCacheError(error, cacheDir) };
  } finally {
    progress.end();
  }
}

async function fetchInto(
  folder: string,
  lock: string,
  packages: ReadonlyMap<string, LockEntry>,
  version: string,
  { cacheDir, env, progress, log, signal }: EngineLibraryOptions,
): Promise<ModelResult<string>> {
  const staged = `${folder}.new`;
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged);
  try {
    await writeFile(path.join(staged, 'package-lock.json'), lock);
    await writeFile(path.join(staged, 'package.json'), manifestOf(lock));
    progress.note(`fetching the engine (${library} ${version}, some 100 MB on disk, once)…`);
    const wanted = [...packages.values()].filter(fitsHere).length;
    const fetched = new Set<string>();
    const ran = await runNpm({
      args: [
        'ci',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--no-update-notifier',
        '--prefer-offline',
        '--loglevel=http',
        `--prefix=${staged}`,
      ],
      cwd: staged,
      env,
      signal,
      onLine: (line) => {
        // `npm http fetch GET 200 https://…/ora-9.3.0.tgz 120ms`, or `npm http cache ora@https://…/ora-9.3.0.tgz 0ms (cache hit)`
        const tarball = /https?:\/\/\S+\.tgz/.exec(line)?.[0];
        if (tarball === undefined || fetched.has(tarball)) return;
        fetched.add(tarball);
        progress.packages('engine', Math.min(fetched.size, wanted), wanted);
      },
    });
    if (ran.ended === 'cancelled') return missing('cancelled', 'cancelled');
    if (ran.ended !== 'well') {
      if (ran.ended === 'badly' && /ENOSPC|EDQUOT/.test(ran.output))
        return missing('disk_full', `the disk is full: the engine could not be written to ${cacheDir}`);
      return missing('unavailable', explain(version, ran.ended === 'absent' ? undefined : ran.output));
    }
    // npm passes over an optional package that it cannot install.
    const binaries = [...packages].filter(
      ([at, entry]) => at.includes('/@node-llama-cpp/') && fitsHere(entry),
    );
    if (!binaries.some(([at]) => existsSync(path.join(staged, at))))
      return missing(
        'unavailable',
        explain(version, `it has no binary for ${process.platform}-${process.arch}`),
      );
    await rename(staged, folder);
    log.info('engine fetched', { version, folder });
    return found(folder);
  } finally {
    progress.end();
    await rm(staged, { recursive: true, force: true });
  }
}

function liesBeside(): boolean {
  try {
    createRequire(import.meta.url).resolve(library);
    return true;
  } catch {
    return false;
  }
}

function packagesOf(lock: string): ReadonlyMap<string, LockEntry> {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, LockEntry>> };
  return new Map(Object.entries(packages).filter(([at]) => at !== ''));
}

/** The manifest that npm compares the lock with. A lock has no overrides, and these leave the GPUs out. */
function manifestOf(lock: string): string {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, LockEntry>> };
  const overrides = Object.entries(packages)
    .filter(([at, { name }]) => name !== undefined && at.startsWith('node_modules/'))
    .map(([at, { name, version }]) => [at.slice('node_modules/'.length), `npm:${name}@${version}`]);
  return JSON.stringify({ ...packages[''], private: true, overrides: Object.fromEntries(overrides) });
}

/** Whether npm installs it here. An entry with a name stands for a package that is left out. */
function fitsHere({ name, os, cpu }: LockEntry): boolean {
  return (
    name === undefined &&
    (os === undefined || os.includes(process.platform)) &&
    (cpu === undefined || cpu.includes(process.arch))
  );
}

function explain(version: string, reason: string | undefined): string {
  const last = reason
    ?.trim()
    .split('\n')
    .filter((line) => !/npm http/.test(line))
    .slice(-4);
  return [
    `the engine's library is not on this machine and could not be fetched${reason === undefined ? ': npm was not found' : ':'}`,
    ...(last ?? []).map((line) => `  ${line}`),
    'Ways out:',
    `  - install it beside this server: npm install --ignore-scripts ${library}@${version}`,
    '  - fetch it where there is a network, by `tailrace models pull`, and copy the folder in TAILRACE_CACHE_DIR',
    '  - name an upstream in the configuration, or start with --no-engine',
  ].join('\n');
}
