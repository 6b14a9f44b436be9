import { existsSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { root, run } from '../run.ts';
import { type DebianPackages, fetchDebianPackages } from './debian-packages.ts';

export type ServiceName = 'PostgreSQL' | 'Redis' | 'Chromium' | 'Prometheus';

/** Where the programs of a service are. */
export interface Programs {
  /** The folder with the executables. */
  readonly bin: string;
  /** The folder into which packages were unpacked; undefined where they are installed. */
  readonly unpacked: string | undefined;
}

interface Kind {
  readonly packages: DebianPackages;
  /** The program that a server is, and those that must lie beside it. */
  readonly programs: readonly [server: string, ...others: string[]];
}

/** Not the compiler of queries (LLVM): it has a hundred megabytes, and instances of ours run without it. */
const library = '(?:lib|lua-)(?!c6|llvm|z3|.*perl).*';

const kinds: Readonly<Record<ServiceName, Kind>> = {
  PostgreSQL: {
    packages: { name: 'postgresql', needs: new RegExp(`^(postgresql-\\d+|${library})$`) },
    programs: ['postgres', 'initdb'],
  },
  Redis: {
    packages: { name: 'redis-server', needs: new RegExp(`^(redis-tools|${library})$`) },
    programs: ['redis-server'],
  },
  // Its page and what that needs are not unpacked: the tests ask it over HTTP.
  Prometheus: {
    packages: { name: 'prometheus' },
    programs: ['prometheus', 'promtool'],
  },
  // Chromium without windows: half the size of the whole browser.
  Chromium: {
    packages: {
      name: 'chromium-headless-shell',
      needs: new RegExp(`^(chromium-common|fonts-dejavu-core|fontconfig-config|${library})$`),
    },
    programs: ['chromium-headless-shell'],
  },
};

/** The programs of a service, installed or unpacked before; undefined where there are none. */
export function findPrograms(name: ServiceName): Programs | undefined {
  // What ends, freezes and finds the processes of an instance reads /proc.
  if (process.platform !== 'linux') return undefined;
  return findInstalled(name) ?? findUnpacked(name);
}

export type Brought =
  | { readonly ok: true; readonly programs: Programs }
  | { readonly ok: false; readonly why: string };

/**
 * The programs of a service: those that are installed, else Debian's packages, unpacked once into `.tools/services`.
 * With `unpacked` those that are installed do not count.
 */
export async function bringPrograms(
  name: ServiceName,
  { say, unpacked }: { say: (text: string) => void; unpacked: boolean },
): Promise<Brought> {
  if (process.platform !== 'linux') return { ok: false, why: 'the tests start it on Linux only' };
  const present = unpacked ? findUnpacked(name) : findPrograms(name);
  if (present !== undefined && (await tryToRun(name, present)).code === 0)
    return { ok: true, programs: present };
  say(`fetching ${name} for the tests (once)…\n`);
  const fetched = await fetchDebianPackages(kinds[name].packages, folderOf(name));
  if (!fetched.ok) return fetched;
  const programs = findUnpacked(name);
  if (programs === undefined) return { ok: false, why: 'the packages lack its programs' };
  const tried = await tryToRun(name, programs);
  return tried.code === 0 ? { ok: true, programs } : { ok: false, why: tried.output };
}

/** The environment in which the programs find the shared libraries and fonts that were unpacked with them. */
export function environmentOf({ unpacked }: Programs): NodeJS.ProcessEnv {
  if (unpacked === undefined) return process.env;
  const folders = ['usr/lib', 'lib'].flatMap((lib) =>
    namesIn(path.join(unpacked, lib))
      .filter((name) => name.includes('-linux-'))
      .map((name) => path.join(unpacked, lib, name))
      // That of PulseAudio has a part of its own in a folder of its own.
      .flatMap((folder) => [folder, path.join(folder, 'pulseaudio')]),
  );
  const before = process.env['LD_LIBRARY_PATH'] ?? '';
  return {
    ...process.env,
    LD_LIBRARY_PATH: [...folders, before].filter(Boolean).join(path.delimiter),
    // Where the system has no fonts, those that were unpacked are looked for below this folder.
    ...(existsSync(path.join(unpacked, 'etc/fonts/fonts.conf')) ? { FONTCONFIG_SYSROOT: unpacked } : {}),
  };
}

async function tryToRun(name: ServiceName, programs: Programs): ReturnType<typeof run> {
  const [server] = kinds[name].programs;
  return await run(path.join(programs.bin, server), ['--version'], { env: environmentOf(programs) });
}

function findInstalled(name: ServiceName): Programs | undefined {
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const bin = firstWith(name, [...versionsIn('/usr'), ...onPath]);
  return bin === undefined ? undefined : { bin, unpacked: undefined };
}

function findUnpacked(name: ServiceName): Programs | undefined {
  const unpacked = folderOf(name);
  // What Debian has of Chromium in `usr/bin` is a script that starts the installed one.
  const folders = ['usr/lib/chromium', 'usr/bin'].map((folder) => path.join(unpacked, folder));
  const bin = firstWith(name, [...versionsIn(path.join(unpacked, 'usr')), ...folders]);
  return bin === undefined ? undefined : { bin, unpacked };
}

/** Debian keeps the programs of each version of PostgreSQL in a folder of its own; the newest first. */
function versionsIn(usr: string): string[] {
  const folder = path.join(usr, 'lib/postgresql');
  return namesIn(folder)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(folder, version, 'bin'));
}

/** The first folder that has all programs; PATH may hold a link to one of them. */
function firstWith(name: ServiceName, folders: readonly string[]): string | undefined {
  const [server, ...others] = kinds[name].programs;
  for (const folder of folders) {
    const file = path.join(folder, server);
    if (!existsSync(file)) continue;
    const bin = others.length === 0 ? folder : path.dirname(realpathSync(file));
    if (others.every((other) => existsSync(path.join(bin, other)))) return bin;
  }
  return undefined;
}

function folderOf(name: ServiceName): string {
  return path.join(root, '.tools/services', name.toLowerCase());
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
