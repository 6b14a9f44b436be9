import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildPage } from '../launch/build-page.cjs';
import { findGoProgram, goPrograms } from './go-programs.ts';
import type { Report } from './report.ts';
import { root, run, runNode } from './run.ts';
import { fetchDebianPackages } from './services/debian-packages.ts';
import { bringPrograms } from './services/programs.ts';

const tools = path.join(root, '.tools');
const windows = process.platform === 'win32';

/**
 * Installs what the system tests need besides npm's dependencies: the clients that they drive, nginx, the model. What
 * cannot be installed is reported, and the tests that need it are skipped with that reason. Nothing is installed outside
 * of the project's folder and the model cache.
 */
export async function prepare(report: Report): Promise<Prepared> {
  await mkdir(tools, { recursive: true });
  const [modelFile] = await Promise.all([
    model(report),
    javascriptClients(report),
    exampleApps(report),
    pythonEnvironments(report),
    nginx(report),
    page(report),
    chromium(report),
    prometheus(report),
  ]);
  return { modelFile };
}

export interface Prepared {
  /** The default model; undefined where it could not be fetched. */
  readonly modelFile: string | undefined;
}

async function javascriptClients(report: Report): Promise<void> {
  await installPackages(path.join(root, 'test/clients'), 'the JavaScript clients', report);
}

/** The example apps: their packages once, and the client of this repository as it is now. */
async function exampleApps(report: Report): Promise<void> {
  await installExample(path.join(root, 'examples'), 'the packages of the examples', report);
}

/** The example for Next.js, whose packages take as much room as those of all others together: only `npm run soak` brings them. */
export async function nextExample(report: Report): Promise<void> {
  await installExample(path.join(root, 'examples/nextjs'), 'the packages of the example for Next.js', report);
}

async function installExample(folder: string, what: string, report: Report): Promise<void> {
  // npm copies the package from there.
  const client = path.join(tools, 'packages/client');
  const built = await runNode('packages/client/build-client.ts', [client]);
  if (built.code !== 0) {
    report.complain(what, built.output);
    return;
  }
  await installPackages(folder, what, report);
  const installed = path.join(folder, 'node_modules/tailrace');
  // The sources of the package change more often than the lock.
  await rm(installed, { recursive: true, force: true });
  await cp(client, installed, { recursive: true });
}

/** What the lock of a folder names, once for each lock. */
async function installPackages(folder: string, what: string, { say, complain }: Report): Promise<void> {
  const lock = path.join(folder, 'package-lock.json');
  if (!existsSync(lock)) return;
  await once(path.join(folder, 'node_modules/.tailrace-stamp'), await readFile(lock), async () => {
    say(`installing ${what} (once)…\n`);
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
    return ran.code === 0 || complain(what, ran.output);
  });
}

/** One after the other: pip is busy with one core and more. */
async function pythonEnvironments(report: Report): Promise<void> {
  await pythonEnvironment(report, {
    what: 'the Python clients',
    requirements: 'test/clients/requirements.txt',
    folder: 'venv',
  });
  await pythonEnvironment(report, {
    what: 'what the Python SDK is tested with',
    requirements: 'python/requirements-dev.txt',
    folder: 'venv-sdk',
  });
  await pythonEnvironment(report, {
    what: 'what fuzzes the API by its document',
    requirements: 'test/openapi/requirements.txt',
    folder: 'venv-openapi',
  });
  await pythonEnvironment(report, {
    what: 'what judges the files of deploy/',
    requirements: 'test/deploy/requirements.txt',
    folder: 'venv-deploy',
  });
}

interface PythonEnvironment {
  /** What is installed, as the report names it. */
  readonly what: string;
  readonly requirements: string;
  /** A folder of `.tools`. */
  readonly folder: string;
}

async function pythonEnvironment(
  { say, complain }: Report,
  { what, requirements: file, folder }: PythonEnvironment,
): Promise<void> {
  const requirements = path.join(root, file);
  if (!existsSync(requirements)) return;
  const venv = path.join(tools, folder);
  const python = path.join(venv, windows ? 'Scripts/python.exe' : 'bin/python');
  // Its programs name its place, so a checkout that was moved needs another one.
  const input = Buffer.concat([await readFile(requirements), Buffer.from(await realpath(tools))]);
  await once(path.join(venv, '.tailrace-stamp'), input, async () => {
    say(`installing ${what} (once)…\n`);
    await rm(venv, { recursive: true, force: true });
    const made = await run(windows ? 'python' : 'python3', ['-m', 'venv', venv]);
    if (made.code !== 0) {
      await rm(venv, { recursive: true, force: true });
      return complain('a Python environment (on Debian: apt install python3-venv)', made.output);
    }
    // Every package is pinned, the transitive ones too, so pip resolves nothing.
    // What is imported is compiled then; most of these packages' modules never are.
    const flags = ['--quiet', '--no-compile', '--no-deps', '--disable-pip-version-check', '--no-input'];
    const ran = await run(python, ['-m', 'pip', 'install', ...flags, '-r', requirements]);
    if (ran.code === 0) return true;
    // Tests look for the interpreter.
    await rm(venv, { recursive: true, force: true });
    return complain(what, ran.output);
  });
}

/** Programs in Go that judge the files of deploy/ and .github/: their builds take minutes, so only `npm run soak` brings them. */
export async function deployPrograms(report: Report): Promise<void> {
  await goProgram(report, 'helm', ['install', '-trimpath', 'helm.sh/helm/v3/cmd/helm@v3.22.0']);
  await goProgram(report, 'actionlint', [
    'install',
    '-trimpath',
    'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
  ]);
}

/** The OpenTelemetry Collector, of which test/collector/main.go says what is in it. Only `npm run soak` brings it, as above. */
export async function collectorProgram(report: Report): Promise<void> {
  const built = path.join(goPrograms, 'otel-collector');
  await goProgram(report, 'otel-collector', ['build', '-o', built, '.'], path.join(root, 'test/collector'));
}

async function goProgram(
  { say, complain }: Report,
  name: string,
  args: readonly string[],
  folder = root,
): Promise<void> {
  if (findGoProgram(name) !== undefined) return;
  say(`building ${name} for the tests (once)…\n`);
  const env = { GOBIN: goPrograms, GOFLAGS: '-p=2' };
  const ran = await run('go', args, { cwd: folder, env });
  if (ran.code !== 0) complain(name, ran.output);
}

/** nginx on PATH, else Debian's package unpacked into .tools, whose binary runs from any folder. */
async function nginx({ say, complain }: Report): Promise<void> {
  const folder = path.join(tools, 'nginx');
  const binary = path.join(folder, 'usr/sbin/nginx');
  if ((await run('nginx', ['-v'])).code === 0 || (await run(binary, ['-v'])).code === 0) return;
  say('fetching nginx for the tests (once)…\n');
  const fetched = await fetchDebianPackages({ name: 'nginx' }, folder);
  const tried = await run(binary, ['-v']);
  if (tried.code === 0) return;
  await rm(folder, { recursive: true, force: true });
  complain('nginx', fetched.ok ? tried.output : fetched.why);
}

/** Chromium without windows, unless another one is named. */
async function chromium({ say, complain }: Report): Promise<void> {
  if (process.env['TAILRACE_TEST_CHROMIUM']) return;
  const brought = await bringPrograms('Chromium', { say, unpacked: false });
  if (!brought.ok) complain('Chromium', brought.why);
}

/** Prometheus with promtool, which check metrics, alerts and board. */
async function prometheus({ say, complain }: Report): Promise<void> {
  const brought = await bringPrograms('Prometheus', { say, unpacked: false });
  if (!brought.ok) complain('Prometheus', brought.why);
}

/** Built as a start builds it. */
async function page({ complain }: Report): Promise<void> {
  if (!(await buildPage(process.execPath))) complain('the page of the server', 'its build has failed');
}

async function model({ complain }: Report): Promise<string | undefined> {
  const own = process.env['TAILRACE_TEST_MODEL'];
  if (own !== undefined) return own;
  const ran = await runNode('packages/server/src/cli/main.ts', ['models', 'pull']);
  if (ran.code === 0) return ran.output.trim().split('\n').at(-1);
  complain('the default model', ran.output);
  return undefined;
}

/** Runs `work` unless the stamp shows that it was done for this input. */
async function once(stamp: string, input: Buffer, work: () => Promise<boolean>): Promise<void> {
  const hash = createHash('sha256').update(input).update(process.version).digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return;
  if (await work()) await writeFile(stamp, hash);
}
