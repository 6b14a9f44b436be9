import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** One file of the built page. */
export interface PageFile {
  /** The path at which it is served. */
  readonly path: string;
  readonly type: string;
  /** The same for the same bytes, without quotes. */
  readonly etag: string;
  /** In which content codings it lies on disk beside its plain form. */
  readonly encodings: readonly string[];
  /** Its bytes in one of these codings, or plain; undefined where they are gone, because the page is being built anew. */
  bytes(encoding: string | undefined): Promise<Buffer | undefined>;
}

export interface PageFiles {
  /** Undefined where the page has no such file, or where there is no page. */
  find(path: string): Promise<PageFile | undefined>;
}

/** `files.json`, which only `packages/playground/build-page.ts` writes. */
type Manifest = readonly Omit<PageFile, 'bytes'>[];

/** In the published package, and in a clone, where the launcher builds it. */
const usualFolders = ['../../page', '../../../../.tools/page'].map((folder) =>
  path.join(import.meta.dirname, folder),
);

/**
 * The files of the built page, from the first of these folders that has it. Nothing of it stays in memory: a page is asked for seldom,
 * and one that was built anew is served without a restart.
 */
export function createPageFiles(folders: readonly string[] = usualFolders): PageFiles {
  return {
    async find(wanted) {
      for (const folder of folders) {
        const text = await readFile(path.join(folder, 'files.json'), 'utf8').catch(() => undefined);
        if (text === undefined) continue;
        const found = (JSON.parse(text) as Manifest).find((file) => file.path === wanted);
        if (found === undefined) return undefined;
        const name = found.path === '/' ? '/index.html' : found.path;
        return {
          ...found,
          bytes: (encoding) =>
            readFile(path.join(folder, encoding === undefined ? name : `${name}.${encoding}`)).catch(
              () => undefined,
            ),
        };
      }
      return undefined;
    },
  };
}
