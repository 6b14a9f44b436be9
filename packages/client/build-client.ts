/*
 * Builds the package as it is published: `node build-client.ts FOLDER`. Each sub-path has a module for `import` and one for `require`, and
 * they share the rest in chunks. What the package takes from others of this repository is inside, so it depends on nothing.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, type OutputOptions } from 'rolldown';

const own = import.meta.dirname;
const root = path.join(own, '../..');
const { argv } = process;
if (argv[2] === undefined) throw new Error('build-client.ts needs the folder to build into');
const folder = path.resolve(argv[2]);
const dist = path.join(folder, 'dist');

interface Manifest {
  readonly exports: Readonly<Record<string, string | Record<string, unknown>>>;
  readonly devDependencies: unknown;
}

const manifest = JSON.parse(await readFile(path.join(own, 'package.json'), 'utf8')) as Manifest;
/** The module of each sub-path by the name of its built file: `index` for `.`, `react` for `./react`. */
const entries: Record<string, string> = {};
for (const [subPath, target] of Object.entries(manifest.exports)) {
  const source = typeof target === 'string' ? undefined : target['tailrace-source'];
  if (typeof source === 'string') entries[subPath.slice(2) || 'index'] = path.join(own, source);
}

await rm(folder, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
for (const [format, ending] of [
  ['esm', 'js'],
  ['cjs', 'cjs'],
] as const) {
  const output: OutputOptions = {
    dir: dist,
    format,
    exports: 'named',
    entryFileNames: `[name].${ending}`,
    chunkFileNames: `chunks/[name].${ending}`,
  };
  await build({
    cwd: own,
    input: entries,
    platform: 'neutral',
    resolve: { conditionNames: ['tailrace-source', 'import'] },
    external: (name) => !/^[./]|^@tailrace\//.test(name) && !path.isAbsolute(name),
    output,
    // `'use client'` of tailrace/react stays where it is; the bundler warns of it all the same.
    onLog(level, log, handle) {
      if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
    },
  });
}
await declareTypes();
await cp(path.join(own, 'README.md'), path.join(folder, 'README.md'));
await cp(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(published(), undefined, 2)}\n`);

/**
 * The types once as modules and once as CommonJS: a declaration is of the kind of the package around it, and the two kinds must not be
 * mixed. A built file has one of its own beside it, which names the declarations.
 */
async function declareTypes(): Promise<void> {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const types = path.join(dist, 'types');
  for (const [from, into] of [
    [own, types],
    [path.join(root, 'packages/protocol'), path.join(types, 'protocol')],
  ] as const) {
    const emit = ['--emitDeclarationOnly', '--sourceMap', 'false', '--outDir', into];
    await promisify(execFile)(process.execPath, [tsc, '-p', path.join(from, 'tsconfig.build.json'), ...emit]);
  }
  const named = new Set(Object.values(entries).map(declarationOf));
  // A set that grows while it is walked: what the modules of the sub-paths name, and what that names.
  for (const file of named) {
    const at = path.join(types, file);
    const protocol = path.relative(path.dirname(file), 'protocol/index.ts');
    const text = (await readFile(at, 'utf8')).replaceAll(
      "'@tailrace/protocol'",
      `'${protocol.startsWith('.') ? protocol : `./${protocol}`}'`,
    );
    const names = /(from |import\()'(\.[^']*)\.ts'/g;
    for (const [, , found = ''] of text.matchAll(names))
      named.add(path.join(path.dirname(file), `${found}.d.ts`));
    await writeFile(at, text.replaceAll(names, "$1'$2.js'"));
  }
  for (const file of await readdir(types, { recursive: true }))
    if (file.endsWith('.d.ts') && !named.has(file)) await rm(path.join(types, file));
  await cp(types, path.join(dist, 'types-cjs'), { recursive: true });
  await writeFile(path.join(dist, 'types-cjs/package.json'), '{"type":"commonjs"}\n');
  for (const [name, source] of Object.entries(entries)) {
    const declared = declarationOf(source).replace(/\.d\.ts$/, '.js');
    const hasDefault = /\bas default\b|export default/.test(await readFile(source, 'utf8'));
    for (const [ending, from] of [
      ['d.ts', `./types/${declared}`],
      ['d.cts', `./types-cjs/${declared}`],
    ])
      await writeFile(
        path.join(dist, `${name}.${ending}`),
        `export * from '${from}';\n${hasDefault ? `export { default } from '${from}';\n` : ''}`,
      );
  }
}

function declarationOf(source: string): string {
  return path.relative(path.join(own, 'src'), source).replace(/\.ts$/, '.d.ts');
}

/** The manifest without what only this repository needs, and with what resolvers need that do not know `exports`. */
function published(): object {
  const { devDependencies: _, ...rest } = manifest;
  const exports = Object.entries(manifest.exports).map(([subPath, target]) => {
    if (typeof target === 'string') return [subPath, target];
    const { 'tailrace-source': _source, ...conditions } = target;
    return [subPath, conditions];
  });
  const older = Object.keys(entries).map((name) => [name, [`./dist/${name}.d.cts`]]);
  return {
    ...rest,
    main: './dist/index.cjs',
    types: './dist/index.d.cts',
    typesVersions: { '*': Object.fromEntries(older) },
    exports: Object.fromEntries(exports),
  };
}
