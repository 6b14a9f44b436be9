import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Ran, run } from '../run.ts';

export interface DebianPackages {
  /** The package that the caller wants. */
  readonly name: string;
  /** Packages without which it does not run, such as its shared libraries: those of them that the system lacks come too. */
  readonly needs?: RegExp;
}

export type Fetched = { readonly ok: true } | { readonly ok: false; readonly why: string };

/**
 * Unpacks a package of the system's own Debian or Ubuntu into `folder`, and installs nothing: it needs no root, and what
 * the packages would run at their installation does not run. The folder appears whole or not at all.
 */
export async function fetchDebianPackages(wanted: DebianPackages, folder: string): Promise<Fetched> {
  if ((await run('apt-get', ['--version'])).code !== 0)
    return { ok: false, why: 'it is not on PATH, and this is no Debian or Ubuntu to take its package from' };
  const partial = `${folder}.partial-${process.pid}`;
  await removeAbandoned(folder);
  const downloads = path.join(partial, 'downloads');
  try {
    await mkdir(downloads, { recursive: true });
    let fetched = await download(wanted, downloads, []);
    if (fetched.code !== 0) {
      // The system's lists are missing, too old, or not readable: lists of our own, which need no root either.
      const own = await privateLists(path.join(partial, 'apt'));
      for (const file of await readdir(downloads)) await rm(path.join(downloads, file));
      fetched = await download(wanted, downloads, own);
    }
    if (fetched.code !== 0) return { ok: false, why: fetched.output };
    for (const file of await readdir(downloads)) {
      const unpacked = await run('dpkg-deb', ['-x', path.join(downloads, file), partial]);
      if (unpacked.code !== 0) return { ok: false, why: unpacked.output };
    }
    for (const rest of ['downloads', 'apt', 'usr/share/doc', 'usr/share/locale', 'usr/share/man'])
      await rm(path.join(partial, rest), { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
    return { ok: true };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Deletes what a killed process has left of its download. */
async function removeAbandoned(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  const prefix = `${path.basename(folder)}.partial-`;
  for (const name of await readdir(parent).catch(() => [])) {
    if (name.startsWith(prefix) && !existsSync(`/proc/${name.slice(prefix.length)}`))
      await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

async function download(wanted: DebianPackages, folder: string, options: readonly string[]): Promise<Ran> {
  const names = [wanted.name, ...(await neededBy(wanted, options))];
  return await run('apt-get', [...options, ...quietly, 'download', ...names], { cwd: folder, env: english });
}

/**
 * What apt would install with the package on an empty system, less what is installed: what is broken or held back on this
 * system does not count, and nothing comes in a second version beside the system's.
 */
async function neededBy({ name, needs }: DebianPackages, options: readonly string[]): Promise<string[]> {
  if (needs === undefined) return [];
  const empty = ['-o', 'Dir::State::status=/dev/null', '-s', '--no-install-recommends'];
  const simulated = await run('apt-get', [...options, ...empty, 'install', name], { env: english });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query has such fields too.
  const listed = await run('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n'], { env: english });
  const present = installedPackages(listed.output);
  return simulatedPackages(simulated.output).filter(
    (other) => other !== name && needs.test(other) && !present.has(other),
  );
}

/** The packages that a simulated `apt-get install` names, without their architecture. */
export function simulatedPackages(output: string): string[] {
  return [...output.matchAll(/^Inst ([^\s:]+)/gm)].map((match) => match[1] ?? '');
}

/** The packages of `STATUS NAME` lines that are installed; those that are removed, but for their settings, are not. */
export function installedPackages(output: string): ReadonlySet<string> {
  return new Set([...output.matchAll(/^installed (\S+)$/gm)].map((match) => match[1] ?? ''));
}

/** Reads the lists of the system's sources into a folder; the result is what makes apt use them. */
async function privateLists(folder: string): Promise<readonly string[]> {
  const lists = path.join(folder, 'lists');
  const cache = path.join(folder, 'cache');
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  await mkdir(path.join(cache, 'archives/partial'), { recursive: true });
  const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
  await run('apt-get', [...options, ...quietly, '-o', 'Acquire::Languages=none', 'update'], { env: english });
  return options;
}

/** apt reads as its own user where root runs it, and that user may not write into a folder of ours. */
const quietly = ['-q', '-o', 'APT::Sandbox::User=root'];
const english = { LC_ALL: 'C' };
