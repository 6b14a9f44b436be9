import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findBuilt, usualFolders } from '../http/built-files.ts';
import { escapeHtml } from '../http/escape-html.ts';
import { staticHtml, staticText } from './static-forms.ts';

export interface ExportTask {
  /** Where the built docs may lie. Default: in the package, or where the launcher has them built. */
  readonly folders?: readonly string[] | undefined;
  /** Where they go. */
  readonly into: string;
  /** Where they will be on the web, without a slash at the end; undefined: anywhere. */
  readonly url: string | undefined;
}

/** `foreign`: the folder has files that no export has written. */
export type Exported =
  | { readonly type: 'done'; readonly files: number }
  | { readonly type: 'foreign' | 'not-built' };

/** The files of an export, in its folder: the next one replaces these and nothing else. */
const listName = 'tailrace-docs.json';

/**
 * Writes the docs as static files: links are relative and name files, so they hold on any web server, in any folder, and without one.
 * Rejects where the disk does.
 */
export async function exportDocs({
  folders = usualFolders('docs'),
  into,
  url,
}: ExportTask): Promise<Exported> {
  const built = await findBuilt(folders);
  if (built === undefined) return { type: 'not-built' };
  const before = await writtenBefore(into);
  if (before === undefined) return { type: 'foreign' };
  for (const file of before) await rm(path.join(into, file), { force: true });
  const written: string[] = [];
  const write = async (file: string, bytes: string | Buffer): Promise<void> => {
    await mkdir(path.dirname(path.join(into, file)), { recursive: true });
    await writeFile(path.join(into, file), bytes);
    written.push(file);
  };
  for (const { path: address, type, file } of built.rows) {
    const bytes = await readFile(path.join(built.folder, file));
    const name = nameOf(address, type);
    if (type.startsWith('text/html')) await write(name, staticHtml(bytes.toString('utf8'), name, url));
    else if (/^text\/(plain|markdown)/.test(type)) await write(name, staticText(bytes.toString('utf8'), url));
    else await write(name, bytes);
  }
  const missing = await readFile(path.join(built.folder, 'not-found.html'), 'utf8');
  await write('404.html', staticHtml(missing, '404.html', url));
  if (url !== undefined) await write('sitemap.xml', siteMap(written, url));
  await writeFile(path.join(into, listName), `${JSON.stringify([...written, listName], undefined, 1)}\n`);
  return { type: 'done', files: written.length };
}

/** The file for an address of the server. */
function nameOf(address: string, type: string): string {
  const below = address.replace(/^\/docs\/?/, '').replace(/^\//, '');
  if (!type.startsWith('text/html')) return below;
  return below === '' ? 'index.html' : `${below}.html`;
}

/** What the last export has written into a folder; undefined where anything else lies in it. */
async function writtenBefore(into: string): Promise<readonly string[] | undefined> {
  const there = await readdir(into).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (there.length === 0) return [];
  const files = await readFile(path.join(into, listName), 'utf8')
    .then((text): unknown => JSON.parse(text))
    .catch(() => undefined);
  // The list lies in a folder that anybody may have changed: nothing outside of it is removed.
  if (!Array.isArray(files)) return undefined;
  return files.filter(
    (file): file is string =>
      typeof file === 'string' && path.resolve(into, file).startsWith(path.resolve(into) + path.sep),
  );
}

function siteMap(files: readonly string[], url: string): string {
  const pages = files.filter((file) => file.endsWith('.html') && file !== '404.html');
  const places = pages.map((file) => `<url><loc>${escapeHtml(addressIn(url, file))}</loc></url>\n`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${places.join('')}</urlset>\n`;
}

function addressIn(url: string, file: string): string {
  return file === 'index.html' ? `${url}/` : `${url}/${file}`;
}
