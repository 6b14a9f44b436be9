import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';

/*
 * The SDK of `python/`: its types, its format, and its own tests (pytest), which read from scripted servers of their own and from a
 * real server that is started here. `npm test` plays some of its network accidents; `npm run soak -- --only python` plays a thousand.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = path.join(root, 'python');
const windows = process.platform === 'win32';
/** Of the environment that `npm test` makes from python/requirements-dev.txt. */
const python = path.join(root, '.tools/venv-sdk', windows ? 'Scripts/python.exe' : 'bin/python');

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = startChild(program, args, {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  const { code } = await child.exited;
  return { code, output: child.stdout() + child.stderr() };
}

const without = existsSync(python) ? '' : ', skipped: npm test could not make .tools/venv-sdk';

describe.skipIf(without !== '')(`the Python SDK${without}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      model: 'none',
      files: labFiles,
      config: {
        ...oneAttempt,
        // Streams whose readers left without a word are not waited for at the end.
        timeouts: { drain: '5s' },
        upstreams: labUpstreams,
        models: {
          ...labModels,
          // What the programs of the two READMEs ask for.
          default: { targets: [{ upstream: 'lab', model: 'plain' }] },
          'gpt-5.5': { targets: [{ upstream: 'lab', model: 'plain' }] },
        },
      },
    });
  });
  afterAll(async () => {
    await server?.stop();
  });

  test('passes the strict check of its types', async () => {
    const pyright = path.join(root, 'node_modules/pyright/index.js');
    const checked = await run(process.execPath, [pyright, '--project', folder, '--pythonpath', python]);
    expect(checked.code, checked.output).toBe(0);
  });

  test('has its format, and no finding of its linter', async () => {
    for (const args of [
      ['check', '.'],
      ['format', '--check', '.'],
    ]) {
      const checked = await run(python, ['-m', 'ruff', ...args, '--no-cache']);
      expect(checked.code, checked.output).toBe(0);
    }
  });

  test('passes its own tests', async () => {
    const scratch = createScratch('python-sdk');
    try {
      const report = path.join(scratch.path, 'report.xml');
      const { port, apiKey, adminKey } = server;
      const tested = await run(python, ['-m', 'pytest', '-q', `--junitxml=${report}`], {
        TAILRACE_TEST_SERVER: JSON.stringify({ port, api_key: apiKey, admin_key: adminKey }),
      });
      expect(tested.code, tested.output).toBe(0);
      const [, attributes = ''] = /<testsuite ([^>]*)>/.exec(await readFile(report, 'utf8')) ?? [];
      const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1]);
      expect(
        { failures: count('failures'), errors: count('errors'), skipped: count('skipped') },
        tested.output,
      ).toEqual({ failures: 0, errors: 0, skipped: 0 });
      expect(count('tests')).toBeGreaterThan(120);
    } finally {
      scratch.remove();
    }
  });
});
