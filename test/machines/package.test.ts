// The packages as they are published: what is in them, what they depend on, and that `npx` of the server's tarball serves in an empty folder.

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaultCacheDir, thisMachine } from '../../packages/server/src/config/cache-dir.ts';
import { defaultModel } from '../../packages/server/src/models/default-model.ts';
import { environmentOfNpm } from '../../packages/server/src/models/run-npm.ts';
import { run, runNode } from '../../tools/run.ts';
import { judges, withoutJudges } from '../deploy/judges.ts';
import { startChild } from '../support/child.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const names = ['protocol', 'conformance', 'server', 'client'] as const;
let scratch: Scratch;
let tarball: string;
beforeAll(async () => {
  scratch = createScratch('packages');
  const packed = await runNode('tools/pack.ts', [scratch.path]);
  expect(packed.output).toMatch(
    /tailrace-protocol-.*\.tgz\n.*tailrace-conformance-.*\.tgz\n.*tailrace-server-.*\.tgz\n.*\/tailrace-[0-9.]*\.tgz\n$/,
  );
  tarball = packed.output.split('\n').find((file) => file.includes('tailrace-server-')) ?? '';
});
afterAll(() => scratch.remove());

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly hasInstallScript?: boolean; readonly version?: string }>
  >;
}

interface Bom {
  readonly components: readonly {
    readonly purl: string;
    readonly scope: string;
    readonly licenses?: unknown;
    readonly hashes?: unknown;
  }[];
}

function built<T>(name: string, file: string): T {
  return JSON.parse(readFileSync(path.join(scratch.path, name, file), 'utf8')) as T;
}

test('the server depends on at most ten packages, and no package runs a script when it is installed', () => {
  const { dependencies = {} } = built<Manifest>('server', 'package.json');
  expect(Object.keys(dependencies).length).toBeLessThanOrEqual(10);
  expect(Object.keys(dependencies).filter((name) => name.startsWith('@tailrace/'))).toEqual([]);
  // Exactly the versions that were tested here.
  expect(Object.values(dependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  for (const name of names) expect(built<Manifest>(name, 'package.json').scripts, name).toBeUndefined();
  const { packages } = built<Lock>('server', 'npm-shrinkwrap.json');
  expect(Object.keys(dependencies).filter((name) => packages[`node_modules/${name}`] === undefined)).toEqual(
    [],
  );
  expect(Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
});

test('what is inside of the server has its licence there', () => {
  const notices = readFileSync(path.join(scratch.path, 'server/THIRD_PARTY_NOTICES.md'), 'utf8');
  for (const name of ['@huggingface/jinja', 'yauzl', 'react', 'uplot', 'minisearch'])
    expect(notices).toMatch(new RegExp(`^## ${name} \\d`, 'm'));
  expect(notices).not.toMatch(/\(undefined\)/);
  for (const name of names) expect(existsSync(path.join(scratch.path, name, 'LICENSE')), name).toBe(true);
});

test('the bill of materials names all that is installed, contained or fetched, with licences', () => {
  const { components } = built<Bom>('server', 'sbom.cdx.json');
  const scopeOf = (name: string) =>
    components.find(({ purl }) => purl.startsWith(`pkg:npm/${name.replace('@', '%40')}@`))?.scope;
  for (const name of ['pg', 'pg-protocol', 'undici', '@huggingface/jinja', 'react'])
    expect(scopeOf(name), name).toBe('required');
  for (const name of ['node-llama-cpp', '@node-llama-cpp/linux-x64', 'yargs'])
    expect(scopeOf(name), name).toBe('optional');
  expect(scopeOf('vitest')).toBeUndefined();
  const { packages } = built<Lock>('server', 'npm-shrinkwrap.json');
  const installed = Object.keys(packages).filter((place) => place !== '');
  const missing = installed.filter(
    (place) => scopeOf(place.slice(place.lastIndexOf('node_modules/') + 13)) !== 'required',
  );
  expect(missing).toEqual([]);
  expect(components.filter(({ licenses }) => licenses === undefined).map(({ purl }) => purl)).toEqual([]);
  // Only engines of other platforms may be without a hash: those that the lock's registry did not carry.
  const unhashed = components.filter(({ hashes }) => hashes === undefined).map(({ purl }) => purl);
  expect(
    unhashed.filter((purl) => !/^pkg:npm\/%40node-llama-cpp\/(?!linux-(x64|arm64)@)/.test(purl)),
  ).toEqual([]);
});

test.skipIf(withoutJudges !== undefined)(
  `each bill of materials is valid CycloneDX${withoutJudges === undefined ? '' : ` (skipped: ${withoutJudges})`}`,
  () => {
    const [lib = ''] = readdirSync(path.join(judges ?? '', 'lib'));
    const folder = path.join(judges ?? '', 'lib', lib, 'site-packages/cyclonedx/schema/_res');
    const fileOf = (name: string): string => `${name}.SNAPSHOT.schema.json`;
    const schema = (name: string): object =>
      JSON.parse(readFileSync(path.join(folder, fileOf(name)), 'utf8')) as object;
    const ajv = new Ajv({ strict: false, validateFormats: true, logger: false });
    formats.default(ajv);
    // These copies name each other by their files, and not by their own addresses.
    for (const name of ['spdx', 'jsf-0.82'])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${fileOf(name)}`);
    const validate = ajv.compile(schema('bom-1.6'));
    for (const name of names) {
      const bom = built<object>(name, 'sbom.cdx.json');
      expect([name, validate(bom), validate.errors]).toEqual([name, true, null]);
    }
    expect(validate({ ...built<object>('server', 'sbom.cdx.json'), components: [{ name: 'x' }] })).toBe(
      false,
    );
  },
);

const ownModel =
  process.env['TAILRACE_TEST_MODEL'] ??
  path.join(
    process.env['TAILRACE_CACHE_DIR'] ?? defaultCacheDir(process.env, thisMachine()),
    defaultModel.file,
  );
const withoutModel = existsSync(ownModel) ? undefined : 'the default model could not be fetched';

describe.skipIf(withoutModel !== undefined)(
  `npx of the tarball${withoutModel === undefined ? '' : ` (skipped: ${withoutModel})`}`,
  () => {
    test('it serves in an empty folder, and fetches its engine first, and only once', async () => {
      const empty = path.join(scratch.path, 'empty');
      const cache = path.join(scratch.path, 'cache');
      const npmCache = path.join(scratch.path, 'npm');
      for (const folder of [empty, cache, npmCache]) mkdirSync(folder);
      for (const ending of ['', '.json'])
        if (existsSync(ownModel + ending))
          symlinkSync(ownModel + ending, path.join(cache, defaultModel.file + ending));
      // What npm has fetched before is of use; what npx installs is gone with the test.
      const shared = (await run('npm', ['config', 'get', 'cache'])).output.trim();
      symlinkSync(path.join(shared, '_cacache'), path.join(npmCache, '_cacache'));
      const env = { ...environmentOfNpm(process.env), npm_config_cache: npmCache };
      const npx = ['--yes', '--prefer-offline', `--package=${tarball}`, 'tailrace'];
      const start = async () => {
        const child = startChild('npx', [...npx, '--listen', '127.0.0.1:0'], {
          cwd: empty,
          env: { ...env, TAILRACE_CACHE_DIR: cache },
          ownGroup: true,
        });
        onTestFinished(() => void child.killGroup().catch(() => undefined));
        const url = await until('the line that says it listens', 200_000, () => {
          if (child.exit() !== undefined) throw new Error(child.stderr());
          return /listening on (\S+)/.exec(child.stdout())?.[1];
        });
        return { child, url };
      };

      const first = await start();
      expect(first.child.stderr()).toMatch(/fetching the engine \(node-llama-cpp [\d.]+/);
      expect(first.child.stderr()).toMatch(/engine: \d+ of \d+ packages/);
      const key = readFileSync(path.join(empty, 'data/api-key'), 'utf8').trim();
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await fetch(`${first.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({
          ...{ model: 'default', stream: true, max_tokens: 4 },
          messages: [{ role: 'user', content: 'Say hello.' }],
        }),
      });
      expect(await answer.text()).toMatch(/"content":"[^"]+"[\s\S]*data: \[DONE\]\n\n$/);
      const page = await (await fetch(`${first.url}/`)).text();
      const scripts = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, found]) => found);
      expect(scripts.length).toBeGreaterThan(1);
      for (const script of scripts) expect((await fetch(first.url + script)).status).toBe(200);
      const docs = await fetch(`${first.url}/docs/streaming?ask=what+ends+a+stream`, {
        headers: { accept: 'text/markdown' },
      });
      expect(docs.status).toBe(200);
      expect(await docs.text()).toContain('/docs/');
      await first.child.killGroup();

      const again = await start();
      expect(again.child.stderr()).not.toContain('fetching');
      await again.child.killGroup();

      // The judge is inside.
      const helped = await run('npx', [...npx, 'check', '--help'], { cwd: empty, env });
      expect(helped).toMatchObject({ code: 0, output: expect.stringContaining('--max-tokens') });
    }, 300_000);
  },
);

test('every module that the compiled server imports is its own, Node’s, or a dependency', async () => {
  const { dependencies = {} } = built<Manifest>('server', 'package.json');
  const dist = path.join(scratch.path, 'server/dist');
  const script = `
    import { readdirSync } from 'node:fs';
    import { registerHooks } from 'node:module';
    const named = new Set();
    registerHooks({ resolve(name, context, next) {
      if (!/^(\\.|node:|file:|\\/)/.test(name) && context.parentURL?.includes('/server/dist/')) named.add(name);
      try { return next(name, context); } catch { return { url: 'data:text/javascript,', shortCircuit: true }; }
    } });
    for (const file of readdirSync(${JSON.stringify(dist)}, { recursive: true }))
      if (file.endsWith('.js') && !/main\\.js$|worker\\.js$|process-settings|guard/.test(file))
        await import(${JSON.stringify(dist)} + '/' + file).catch(() => {});
    console.log(JSON.stringify([...named]));
    process.exit(0);
  `;
  const ran = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: scratch.path });
  const imported = JSON.parse(ran.output.trim().split('\n').at(-1) ?? '[]') as string[];
  const packages = imported
    .filter((name) => !isBuiltin(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  expect(packages.length).toBeGreaterThan(3);
  expect(packages.filter((name) => dependencies[name] === undefined)).toEqual([]);
});
