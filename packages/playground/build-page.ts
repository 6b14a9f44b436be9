/*
 * Builds the page into a folder, as the server serves it: `node build-page.ts FOLDER`. Beside each file lie its compressed forms, and
 * `files.json` says what there is.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'vite';
import { type BuiltFile, describeFile } from './describe-file.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('build-page.ts needs the folder to build into');

// Whatever the shell says: with another value React brings its checks for developers along, three times as large.
// biome-ignore lint/style/noProcessEnv: it is set for the libraries, and read nowhere here.
process.env.NODE_ENV = 'production';
await rm(folder, { recursive: true, force: true });
await build({
  configFile: path.join(import.meta.dirname, 'vite.config.ts'),
  logLevel: 'warn',
  build: { outDir: path.resolve(folder), emptyOutDir: true },
});

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
const files = await Promise.all(names.toSorted().map((name) => describe(name)));
await writeFile(path.join(folder, 'files.json'), JSON.stringify(files));

async function describe(file: string): Promise<BuiltFile> {
  const type = types[path.extname(file)];
  if (type === undefined) throw new Error(`no content type for ${file}`);
  const address = file === 'index.html' ? '/' : `/${file}`;
  return await describeFile({ folder: folder as string, file, address, type });
}
