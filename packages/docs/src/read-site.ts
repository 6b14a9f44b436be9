import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CodeColours } from './code/code-colours.ts';
import { readContents } from './contents.ts';
import type { Site, SiteGroup } from './layout/site.ts';
import type { DocPage } from './reading/doc-page.ts';
import { readPage } from './reading/read-page.ts';

/** All pages of a folder of docs, and its first page. */
export interface ReadSite extends Omit<Site, 'assets'> {
  readonly home: DocPage;
}

/** Reads `contents.json`, `index.md` and every page that it lists. */
export async function readSite(folder: string, colours: CodeColours): Promise<ReadSite> {
  const contents = readContents(folder);
  const pages = contents.flatMap((group) => group.pages);
  const read = async (file: string): Promise<DocPage> =>
    await readPage({ file, text: readFileSync(path.join(folder, file), 'utf8'), pages, colours });
  const groups: SiteGroup[] = [];
  for (const { group, folded = false, pages: files } of contents)
    groups.push({ group, folded, pages: await Promise.all(files.map(read)) });
  return { groups, pages: groups.flatMap((one) => one.pages), home: await read('index.md') };
}
