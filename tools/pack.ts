/*
 * `npm run pack -- FOLDER [--repository URL]`: makes the packages as npm publishes them, FOLDER/*.tgz. What belongs into each is put together in
 * FOLDER/NAME first: its compiled sources, page and docs that the server shows, and the files that its package.json names. The server's
 * package depends on what is listed in docs/decisions/0049 only; the rest of what it needs is inside.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundleDependencies } from './pack/bundle-dependencies.ts';
import { closureOf, readLock } from './pack/lock.ts';
import { noticesOf } from './pack/notices.ts';
import { engineLibrary, engineLock, lockFor } from './pack/partial-lock.ts';
import { sbomOf } from './pack/sbom.ts';
import { type Ran, root, run, runNode } from './run.ts';

/** Those that the compiler alone builds; the client has a build of its own. */
const names = ['protocol', 'conformance', 'server'] as const;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly engines?: unknown;
  readonly bin?: unknown;
  readonly files: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: unknown;
  /** Dependencies whose code goes into the published package. */
  readonly bundled?: readonly string[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  // Where the sources lie, for the registry: npm publishes with provenance only where the package says it.
  options: { repository: { type: 'string' } },
});
const [given = '.tools/packages'] = positionals;
const folder = path.resolve(given);
for (const name of names) await packInto(path.join(folder, name), name);
const client = path.join(folder, 'client');
await must(runNode('packages/client/build-client.ts', [client]));
const ofClient = await manifestAt(client);
await writeManifest(client, ofClient);
await writeSbom(client, ofClient, []);
await tarballOf(client);

async function packInto(into: string, name: (typeof names)[number]): Promise<void> {
  const from = path.join(root, 'packages', name);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await cp(path.join(root, 'LICENSE'), path.join(into, 'LICENSE'));
  const config = path.join(folder, `${name}.json`);
  await writeFile(config, JSON.stringify(buildOf(name, from, into)));
  await must(runNode('node_modules/typescript/bin/tsc', ['-p', config]));
  await rm(config);
  const manifest = await manifestAt(from);
  const made = [
    'dist',
    'docs',
    'page',
    'engine-lock.json',
    'npm-shrinkwrap.json',
    'sbom.cdx.json',
    'THIRD_PARTY_NOTICES.md',
  ];
  for (const file of manifest.files.filter((one) => !made.includes(one)))
    await cp(path.join(from, file), path.join(into, file), { recursive: true });
  if (name === 'server') await completeServer(into, from, manifest);
  else {
    await cp(path.join(from, 'README.md'), path.join(into, 'README.md'));
    await writeManifest(into, manifest);
    await writeSbom(into, manifest, []);
  }
  await tarballOf(into);
}

/** The page, the lock of its engine, and what it does not depend on but contains. */
async function completeServer(into: string, from: string, manifest: Manifest): Promise<void> {
  await must(runNode('packages/playground/build-page.ts', [path.join(into, 'page')]));
  await must(runNode('packages/docs/build-docs.ts', [path.join(into, 'docs')]));
  await cp(path.join(root, 'README.md'), path.join(into, 'README.md'));
  const { bundled = [], devDependencies: _, ...rest } = manifest;
  const inside = new Set([...bundled, engineLibrary]);
  const kept = Object.entries(manifest.dependencies ?? {}).filter(([name]) => !inside.has(name));
  const published = { ...rest, dependencies: Object.fromEntries(kept) };
  const dependencies = new Set(kept.map(([name]) => name));
  const { folders } = await bundleDependencies(path.join(into, 'dist'), from, new Set(bundled), dependencies);
  const lock = readLock();
  const { dependencies: ofPage = {} } = await manifestAt(path.join(root, 'packages/playground'));
  const { dependencies: ofDocs = {} } = await manifestAt(path.join(root, 'packages/docs'));
  // Vite builds page and docs; it is not in them.
  const places = closureOf(
    lock,
    Object.keys({ ...ofPage, ...ofDocs }).filter((name) => name !== 'vite'),
  ).keys();
  const contained = [
    ...new Set([...folders, ...[...places].map((place) => path.join(root, place))]),
  ].toSorted();
  await writeFile(path.join(into, 'THIRD_PARTY_NOTICES.md'), noticesOf(contained));
  await writeJson(path.join(into, 'engine-lock.json'), engineLock());
  await writeManifest(into, published);
  const { name, version, license, engines, bin } = published;
  await writeJson(path.join(into, 'npm-shrinkwrap.json'), {
    version,
    ...lockFor({ name, version, license, dependencies: published.dependencies, bin, engines }),
  });
  await writeSbom(into, published, contained);
}

async function writeManifest(into: string, manifest: object): Promise<void> {
  const { repository } = values;
  const where = repository === undefined ? {} : { repository: { type: 'git', url: `git+${repository}.git` } };
  await writeJson(path.join(into, 'package.json'), { ...manifest, ...where });
}

async function writeSbom(into: string, manifest: Manifest, bundled: readonly string[]): Promise<void> {
  const { name, version, dependencies = {} } = manifest;
  const hasEngine = name === '@tailrace/server';
  const sbom = sbomOf({ name, version, dependencies: Object.keys(dependencies), bundled, hasEngine });
  await writeJson(path.join(into, 'sbom.cdx.json'), sbom);
}

async function manifestAt(from: string): Promise<Manifest> {
  return JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8')) as Manifest;
}

async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function tarballOf(built: string): Promise<void> {
  const packed = await must(run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: built }));
  process.stdout.write(`${path.join(folder, packed.output.trim())}\n`);
}

/** The build of a package into the folder: it has the types of those before it as these publish them. */
function buildOf(name: (typeof names)[number], from: string, into: string): object {
  const before = names.slice(0, names.indexOf(name));
  const published = before.map((one) => [`@tailrace/${one}`, [path.join(folder, one, 'dist/index.d.ts')]]);
  return {
    extends: path.join(from, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: path.join(from, 'src'),
      outDir: path.join(into, 'dist'),
      typeRoots: [path.join(root, 'node_modules/@types')],
      paths: Object.fromEntries(published),
    },
  };
}

async function must(ran: Promise<Ran>): Promise<Ran> {
  const ended = await ran;
  if (ended.code === 0) return ended;
  process.stderr.write(ended.output);
  process.exit(1);
}
