import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root, run, runNode } from './run.ts';

const tools = path.join(root, '.tools');
const windows = process.platform === 'win32';

type Say = (text: string) => void;

/**
 * Installs what the system tests need besides npm's dependencies: the clients that they drive, nginx, the model. What
 * cannot be installed is reported, and the tests that need it are skipped with that reason. Nothing is installed outside
 * of the project's folder and the model cache.
 */
export async function prepare(say: Say): Promise<Prepared> {
  const [modelFile] = await Promise.all([model(say), javascriptClients(say), pythonClients(say), nginx(say)]);
  return { modelFile };
}

export interface Prepared {
  /** The default model; undefined where it could not be fetched. */
  readonly modelFile: string | undefined;
}

async function javascriptClients(say: Say): Promise<void> {
  const folder = path.join(root, 'test/clients');
  const lock = path.join(folder, 'package-lock.json');
  if (!existsSync(lock)) return;
  await once(path.join(folder, 'node_modules/.tailrace-stamp'), await readFile(lock), async () => {
    say('installing the JavaScript clients (once)…\n');
    const npm = process.env['npm_execpath'];
    const args = [
      'ci',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--ignore-scripts',
      '--prefer-offline',
    ];
    const ran = npm?.endsWith('.js')
      ? await run(process.execPath, [npm, ...args], { cwd: folder })
      : await run(windows ? 'npm.cmd' : 'npm', args, { cwd: folder });
    return ran.code === 0 || complain(say, 'the JavaScript clients', ran.output);
  });
}

async function pythonClients(say: Say): Promise<void> {
  const requirements = path.join(root, 'test/clients/requirements.txt');
  if (!existsSync(requirements)) return;
  const venv = path.join(tools, 'venv');
  const python = path.join(venv, windows ? 'Scripts/python.exe' : 'bin/python');
  await once(path.join(venv, '.tailrace-stamp'), await readFile(requirements), async () => {
    say('installing the Python clients (once)…\n');
    await rm(venv, { recursive: true, force: true });
    const made = await run(windows ? 'python' : 'python3', ['-m', 'venv', venv]);
    if (made.code !== 0) {
      await rm(venv, { recursive: true, force: true });
      return complain(say, 'a Python environment (on Debian: apt install python3-venv)', made.output);
    }
    // Every package is pinned, the transitive ones too, so pip resolves nothing.
    const flags = ['--quiet', '--no-deps', '--disable-pip-version-check', '--no-input'];
    const ran = await run(python, ['-m', 'pip', 'install', ...flags, '-r', requirements]);
    return ran.code === 0 || complain(say, 'the Python clients', ran.output);
  });
}

/** nginx on PATH, else Debian's package unpacked into .tools, whose binary runs from any folder. */
async function nginx(say: Say): Promise<void> {
  const folder = path.join(tools, 'nginx');
  const binary = path.join(folder, 'usr/sbin/nginx');
  if ((await run('nginx', ['-v'])).code === 0 || (await run(binary, ['-v'])).code === 0) return;
  if ((await run('apt-get', ['--version'])).code !== 0) {
    complain(say, 'nginx', 'it is not on PATH, and this is no Debian or Ubuntu to take its package from');
    return;
  }
  say('fetching nginx for the tests (once)…\n');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let fetched = await run('apt-get', ['download', 'nginx'], { cwd: folder });
  if (fetched.code !== 0 && process.getuid?.() === 0) {
    await run('apt-get', ['update', '-q']);
    fetched = await run('apt-get', ['download', 'nginx'], { cwd: folder });
  }
  const name = (await readdir(folder)).find((file) => file.endsWith('.deb'));
  const unpacked = name === undefined ? fetched : await run('dpkg', ['-x', name, '.'], { cwd: folder });
  const tried = await run(binary, ['-v']);
  if (tried.code === 0) return;
  await rm(folder, { recursive: true, force: true });
  complain(say, 'nginx', unpacked.code === 0 ? tried.output : unpacked.output);
}

async function model(say: Say): Promise<string | undefined> {
  const own = process.env['TAILRACE_TEST_MODEL'];
  if (own !== undefined) return own;
  const ran = await runNode('packages/server/src/cli/main.ts', ['models', 'pull']);
  if (ran.code === 0) return ran.output.trim().split('\n').at(-1);
  complain(say, 'the default model', ran.output);
  return undefined;
}

/** Runs `work` unless the stamp shows that it was done for this input. */
async function once(stamp: string, input: Buffer, work: () => Promise<boolean>): Promise<void> {
  const hash = createHash('sha256').update(input).update(process.version).digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return;
  if (await work()) await writeFile(stamp, hash);
}

function complain(say: Say, what: string, why: string): false {
  const lines = why.trim().split('\n').slice(-6).join('\n    ');
  say(`could not have ${what}; tests that need it will say so:\n    ${lines}\n`);
  return false;
}
