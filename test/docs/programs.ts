import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { python } from '../clients/client.ts';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { root } from './code-blocks.ts';
import type { DocsServer } from './docs-servers.ts';

const seconds = 60;
/** Of the environment in which the Python SDK is tested: it has FastAPI. */
const pythonOfApps = join(root, '.tools/venv-sdk/bin/python');

export const withoutPython = existsSync(python) ? '' : 'npm test could not make .tools/venv';

export interface Program {
  readonly language: string;
  readonly code: string;
  /** `route`: a module whose handler is called with a request. */
  readonly way: 'run' | 'route';
  /** `POST http://127.0.0.1:8000/chat`: the program serves this, and is asked for it. */
  readonly serves: string | undefined;
  /** Files beside it, by their names. */
  readonly files: ReadonlyMap<string, string>;
  readonly server: DocsServer;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the programs of pages as their readers would, in folders of their own. The caller closes it. */
export interface ProgramRunner {
  run(program: Program): Promise<Ran>;
  close(): Promise<void>;
}

export function createProgramRunner(): ProgramRunner {
  const scratch = createScratch('docs');
  const programs = layFolders(scratch.path);
  const forks = withoutPython === '' ? startForks() : undefined;
  let number = 0;

  async function run({ language, code, way, serves, files, server }: Program): Promise<Ran> {
    number += 1;
    const folder = join(programs, String(number));
    mkdirSync(folder);
    layProject(folder, server);
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    const env = environmentOf(scratch.path, server);
    const port = serves === undefined ? undefined : await freePort();
    const written = join(folder, `program.${extensions[language] ?? language}`);
    writeFileSync(written, port === undefined ? code : withPort(code, serves ?? '', port));
    if (forks !== undefined && language === 'python' && port === undefined)
      return await forks.run({ file: written, folder, env });
    const file = way === 'route' ? join(folder, 'call.mjs') : written;
    if (way === 'route') writeFileSync(file, callOf(written));
    const [command, ...args] = commandOf(language, serves !== undefined);
    const child = startChild(command, [...args, file], { cwd: folder, env });
    const timer = setTimeout(() => child.process.kill('SIGKILL'), seconds * 1000);
    child.process.stdin?.end();
    try {
      if (port === undefined || serves === undefined) {
        const { code: status } = await child.exited;
        return { code: status, stdout: child.stdout(), stderr: child.stderr() };
      }
      const stdout = await until(`an answer to ${serves}\n${child.stderr()}`, 20_000, async () => {
        if (child.exit() !== undefined) throw new Error(`it has ended:\n${child.stderr()}`);
        return await askServed(serves, port);
      });
      return { code: 0, stdout, stderr: child.stderr() };
    } catch (error) {
      return { code: null, stdout: child.stdout(), stderr: String(error) };
    } finally {
      clearTimeout(timer);
      await child.end('SIGTERM', 2000);
    }
  }

  return {
    run,
    async close() {
      await forks?.close();
      scratch.remove();
    },
  };
}

const extensions: Readonly<Record<string, string>> = { js: 'mjs', ts: 'mts', python: 'py', bash: 'sh' };

function commandOf(language: string, isApp: boolean): readonly [string, ...string[]] {
  switch (language) {
    case 'sh':
    case 'bash':
      return ['bash', '-eu'];
    case 'python':
      return [isApp ? pythonOfApps : python];
    default:
      return [process.execPath, '--conditions=tailrace-source'];
  }
}

/**
 * The folder of the programs. `node_modules` beside and above it are those of the repository, of the clients that tests drive, and of
 * the examples, so that a program finds the packages that its page names.
 */
function layFolders(top: string): string {
  const packages = ['examples/node_modules', 'test/clients/node_modules', 'node_modules'];
  const programs = packages.reduce((folder, from, depth) => {
    symlinkSync(join(root, from), join(folder, 'node_modules'));
    const inner = join(folder, `level-${depth}`);
    mkdirSync(inner);
    return inner;
  }, top);
  // An answer with a status of 400 and more is a failure.
  writeFileSync(join(top, '.curlrc'), 'fail-with-body\nsilent\nshow-error\n');
  mkdirSync(join(top, 'bin'));
  writeCommand(
    top,
    'tailrace',
    `exec node --conditions=tailrace-source '${root}packages/server/src/cli/main.ts' "$@"`,
  );
  // The packages are here already: an installation only shows whether the page names what its programs import.
  writeCommand(
    top,
    'npm',
    `[ "$1" = install ] || exit 1
shift
for package; do
  for folder in ${packages.map((folder) => `'${join(root, folder)}'`).join(' ')}; do
    [ -d "$folder/$package" ] && continue 2
  done
  echo "npm: $package is none of the packages that the programs of the pages have" >&2
  exit 1
done`,
  );
  writeCommand(
    top,
    'pip',
    `[ "$1" = install ] || exit 1
shift
for package; do
  '${python}' -m pip show --quiet "$package" 2>/dev/null || '${pythonOfApps}' -m pip show --quiet "$package" || [ "$package" = tailrace ] || exit 1
done`,
  );
  return programs;
}

/** What a reader's folder of Tailrace has after the first start. */
function layProject(folder: string, { apiKey, adminKey }: DocsServer): void {
  symlinkSync(join(root, 'launch'), join(folder, 'launch'));
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data/api-key'), apiKey);
  writeFileSync(join(folder, 'data/admin-key'), adminKey);
}

function writeCommand(top: string, name: string, script: string): void {
  const file = join(top, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

function environmentOf(home: string, server: DocsServer): Record<string, string> {
  const path = [
    join(home, 'bin'),
    join(python, '..'),
    join(process.execPath, '..'),
    process.env['PATH'] ?? '',
  ];
  return {
    HOME: home,
    LANG: 'C.UTF-8',
    PATH: path.join(delimiter),
    PYTHONPATH: join(root, 'python/src'),
    // Those of the server and the client are stripped of their types once.
    NODE_COMPILE_CACHE: join(root, '.tools/compiled-tests'),
    TAILRACE_API_KEY: server.apiKey,
    TAILRACE_ADMIN_KEY: server.adminKey,
    TAILRACE_BASE_URL: `${server.baseUrl}/v1`,
    TAILRACE_DATA_DIR: server.dataDir,
  };
}

function withPort(code: string, serves: string, port: number): string {
  const [, shown = ''] = /:(\d+)/.exec(serves) ?? [];
  return code.replaceAll(new RegExp(`\\b${shown}\\b`, 'g'), String(port));
}

const question = { messages: [{ role: 'user', content: 'What is gravity?' }] };

/** What is served there; undefined while nothing listens. */
async function askServed(serves: string, port: number): Promise<string | undefined> {
  const [method = '', url = ''] = serves.split(' ');
  const response = await fetch(url.replace(/:\d+/, `:${port}`), {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(question) }),
  }).catch(() => undefined);
  if (response === undefined) return undefined;
  const text = await response.text();
  if (!response.ok || text === '') throw new Error(`${response.status} ${text}`);
  return text;
}

/** A program that calls the handler of a module, as a framework does, and writes its answer. */
function callOf(module: string): string {
  return `import * as route from ${JSON.stringify(module)};
const handle = route.POST ?? route.default?.fetch ?? route.default;
const response = await handle(
  new Request('http://localhost/api/chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ${JSON.stringify(JSON.stringify(question))},
  }),
  process.env,
);
const text = await response.text();
console.log(text);
if (!response.ok || text === '') throw new Error('status ' + response.status);
`;
}

interface Forks {
  run(program: { file: string; folder: string; env: Readonly<Record<string, string>> }): Promise<Ran>;
  close(): Promise<void>;
}

/** One process for all programs in Python: to import OpenAI's client takes a second of a core. */
function startForks(): Forks {
  const child = startChild(python, [join(root, 'test/docs/python-forks.py')], {
    env: { ...process.env, PYTHONPATH: join(root, 'python/src') },
  });
  const { stdin, stdout } = child.process;
  if (stdin === null || stdout === null) throw new Error('a process without pipes');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async run({ file, folder, env }) {
      const [out, error] = [join(folder, 'stdout'), join(folder, 'stderr')];
      stdin.write(`${JSON.stringify({ file, folder, env, seconds, stdout: out, stderr: error })}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`python-forks.py ended:\n${child.stderr()}`);
      const read = (name: string) => (existsSync(name) ? readFileSync(name, 'utf8') : '');
      return { code: Number(line.value), stdout: read(out), stderr: read(error) };
    },
    async close() {
      stdin.end();
      await child.end('SIGTERM', 2000);
    },
  };
}
