import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';

/** A file that an export must not replace. The message is for the operator. */
export class ExportFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExportFileError';
  }
}

/** How each export begins; `storage/sql/` writes this line first. */
const firstBytes = '{"table":"tailrace"';

/** What writing will do to what is there: nothing is there, or an older export. Rejects with an {@link ExportFileError}. */
async function before(file: string, name: string): Promise<'nothing' | 'export'> {
  const there = await stat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there === undefined || (there.isFile() && there.size === 0)) return 'nothing';
  // A pipe has no reader that would wait for its new name.
  if (!there.isFile()) throw new ExportFileError(`${name} is no regular file; - is standard output`);
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(firstBytes.length));
    if (buffer.toString('latin1', 0, bytesRead) === firstBytes) return 'export';
    throw new ExportFileError(`${name} exists and is no export: name another file`);
  } finally {
    await handle.close();
  }
}

/**
 * At any time `file` is an old export or a whole new one; a file that is something else is not replaced. Only its user may read
 * it: it holds hashes of keys. `name`: the file in messages. Resolves with whether an older export was replaced.
 */
export async function writeExport(
  file: string,
  name: string,
  pieces: AsyncIterable<string>,
): Promise<{ readonly replaced: boolean }> {
  const replaced = (await before(file, name)) === 'export';
  const begun = `${file}.${process.pid}.part`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(begun, 'wx', 0o600);
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
    await handle.close();
    await rename(begun, file);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(begun, { force: true });
    throw error;
  }
  return { replaced };
}
