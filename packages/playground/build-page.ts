/*
 * Builds the page into a folder, as the server serves it: `node build-page.ts FOLDER`. Beside each file lie its compressed forms, and
 * `files.json` says what there is.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'vite';

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

/** One file of the page, as `packages/server/src/console/page-files.ts` reads it. */
interface BuiltFile {
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  readonly encodings: readonly string[];
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
const files = await Promise.all(names.toSorted().map((name) => describeFile(name)));
await writeFile(path.join(folder, 'files.json'), JSON.stringify(files));

async function describeFile(name: string): Promise<BuiltFile> {
  const file = path.join(folder as string, name);
  const type = types[path.extname(name)];
  if (type === undefined) throw new Error(`no content type for ${name}`);
  const bytes = await readFile(file);
  const encodings: string[] = [];
  const forms = [
    ['br', await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
    ['gzip', await promisify(gzip)(bytes, { level: 9 })],
  ] as const;
  for (const [encoding, compressed] of forms) {
    if (compressed.length >= bytes.length) continue;
    await writeFile(`${file}.${encoding}`, compressed);
    encodings.push(encoding);
  }
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { path: name === 'index.html' ? '/' : `/${name}`, type, etag, encodings };
}
