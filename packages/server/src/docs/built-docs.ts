import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuiltFiles, createBuiltFiles, findBuilt } from '../http/built-files.ts';

/** A page, as lists of pages show it. */
export interface ListedPage {
  /** Its path below `/docs/`. */
  readonly slug: string;
  readonly title: string;
  readonly description: string;
}

/** What the server needs to know of the docs beyond their files; `packages/docs/build-docs.ts` writes it as `site.json`. */
export interface SiteFacts {
  readonly pages: readonly ListedPage[];
  /** The file of the module that finds passages. */
  readonly finder: string;
  /** The file of all passages. */
  readonly passages: string;
  /** The file of the same passages as HTML. */
  readonly passagesHtml: string;
}

/** A document into which the server puts what it has found. */
export type Shell = 'not-found' | 'answer';

/** The built docs: files that are served as they are, and what the server makes documents of. */
export interface BuiltDocs extends BuiltFiles {
  /** Undefined where nothing is built. Files are given with their whole paths. */
  facts(): Promise<SiteFacts | undefined>;
  shell(name: Shell): Promise<string | undefined>;
}

/** The docs in the first of these folders that has them; like the files, all of it is read for each request. */
export function createBuiltDocs(folders: readonly string[]): BuiltDocs {
  const read = async (name: string): Promise<{ folder: string; text: string } | undefined> => {
    const built = await findBuilt(folders);
    if (built === undefined) return undefined;
    const text = await readFile(path.join(built.folder, name), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : { folder: built.folder, text };
  };
  return {
    ...createBuiltFiles(folders),
    async facts() {
      const found = await read('site.json');
      if (found === undefined) return undefined;
      const { pages, finder, passages, passagesHtml } = JSON.parse(found.text) as SiteFacts;
      const place = (file: string): string => path.join(found.folder, file);
      return { pages, finder: place(finder), passages: place(passages), passagesHtml: place(passagesHtml) };
    },
    shell: async (name) => (await read(`${name}.html`))?.text,
  };
}
