import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** One file of what a build has made for browsers. */
export interface BuiltFile {
  /** The path at which it is served. */
  readonly path: string;
  readonly type: string;
  /** The same for the same bytes, without quotes. */
  readonly etag: string;
  /** In which content codings it lies on disk beside its plain form. */
  readonly encodings: readonly string[];
  /** Its bytes in one of these codings, or plain; undefined where they are gone, because it is being built anew. */
  bytes(encoding: string | undefined): Promise<Buffer | undefined>;
}

export interface BuiltFiles {
  /** Undefined where the build has no such file, or where nothing is built. */
  find(path: string): Promise<BuiltFile | undefined>;
}

/** One row of `files.json`, which only `packages/playground/describe-file.ts` makes. */
interface Row extends Omit<BuiltFile, 'bytes'> {
  /** Where it lies in the folder. */
  readonly file: string;
}

/**
 * Where a build lies: in the published package, and in a clone, where the launcher has it made. `name`: `page` or `docs`; both are
 * folders beside the compiled sources and in `.tools`.
 */
export function usualFolders(name: string): readonly string[] {
  return ['../..', '../../../../.tools'].map((above) => path.join(import.meta.dirname, above, name));
}

/**
 * The files of a build, from the first of these folders that has one. Nothing of it stays in memory: a page is asked for seldom, and
 * one that was built anew is served without a restart.
 */
export function createBuiltFiles(folders: readonly string[]): BuiltFiles {
  return {
    async find(wanted) {
      const built = await findBuilt(folders);
      const found = built?.rows.find((row) => row.path === wanted);
      if (built === undefined || found === undefined) return undefined;
      const { file, ...described } = found;
      return {
        ...described,
        bytes: (encoding) =>
          readFile(path.join(built.folder, encoding === undefined ? file : `${file}.${encoding}`)).catch(
            () => undefined,
          ),
      };
    },
  };
}

/** The first of these folders that has a build, and what is in it. */
export async function findBuilt(
  folders: readonly string[],
): Promise<{ readonly folder: string; readonly rows: readonly Row[] } | undefined> {
  for (const folder of folders) {
    const text = await readFile(path.join(folder, 'files.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return { folder, rows: JSON.parse(text) as readonly Row[] };
  }
  return undefined;
}
