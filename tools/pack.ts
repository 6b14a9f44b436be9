/*
 * `npm run pack -- FOLDER`: makes the packages as npm publishes them, FOLDER/*.tgz. What belongs into each is put together in
 * FOLDER/NAME first: its compiled sources, the page and the docs that the server shows, and the files that its package.json names.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Ran, root, run, runNode } from './run.ts';

/** Those that the compiler alone builds; the client has a build of its own. */
const names = ['protocol', 'conformance', 'server'] as const;

const [given = '.tools/packages'] = process.argv.slice(2);
const folder = path.resolve(given);
for (const name of names) await packInto(path.join(folder, name), name);
await must(runNode('packages/client/build-client.ts', [path.join(folder, 'client')]));
await tarballOf(path.join(folder, 'client'));

async function packInto(into: string, name: (typeof names)[number]): Promise<void> {
  const from = path.join(root, 'packages', name);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await cp(path.join(root, 'LICENSE'), path.join(into, 'LICENSE'));
  const config = path.join(folder, `${name}.json`);
  await writeFile(config, JSON.stringify(buildOf(name, from, into)));
  await must(runNode('node_modules/typescript/bin/tsc', ['-p', config]));
  await rm(config);
  if (name === 'server') {
    await must(runNode('packages/playground/build-page.ts', [path.join(into, 'page')]));
    await must(runNode('packages/docs/build-docs.ts', [path.join(into, 'docs')]));
    await cp(path.join(root, 'README.md'), path.join(into, 'README.md'));
  } else {
    await cp(path.join(from, 'README.md'), path.join(into, 'README.md'));
  }
  const { files } = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8')) as {
    files: readonly string[];
  };
  const made = ['dist', 'docs', 'page'];
  for (const file of ['package.json', ...files.filter((one) => !made.includes(one))])
    await cp(path.join(from, file), path.join(into, file), { recursive: true });
  await tarballOf(into);
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
