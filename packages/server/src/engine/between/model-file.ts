import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { metadataProblem } from './gguf-metadata.ts';

const headBytes = 1 << 20;
/** Increased by each change after which the engine writes other text for the same weights and seed. */
const engineRevision = 1;

export interface InspectedFile {
  /**
   * A hash of the size and the first MiB (header, vocabulary): it takes a millisecond, a hash of the whole file
   * seconds.
   */
  readonly fingerprint: string;
  /** Changes when the file is written or replaced. */
  readonly stamp: string;
}

/** Checks a model file before a library opens it. Fails with one line that names the file and its problem. */
export async function inspectModelFile(path: string): Promise<Result<InspectedFile>> {
  try {
    // `stat` comes before `open`, because `open` of a pipe waits for its writer.
    const found = await stat(path);
    if (found.isDirectory()) return fail(cannot(`The model file ${path} is a folder.`));
    if (!found.isFile()) {
      return fail(cannot(`The model file ${path} is no regular file, but a pipe, a socket or a device.`));
    }
    const file = await open(path, 'r');
    try {
      return await inspect(path, file);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'ENOENT' ? 'does not exist' : `can't be read (${String(code)})`;
    return fail(cannot(`The model file ${path} ${why}.`));
  }
}

async function inspect(path: string, file: FileHandle): Promise<Result<InspectedFile>> {
  const { size, ino, mtimeMs } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(headBytes, size)), 0);
  const head = buffer.subarray(0, bytesRead);
  if (head.toString('latin1', 0, 4) !== 'GGUF') return fail(cannot(`${path} is no GGUF file.`));
  const problem = metadataProblem(file.fd, size);
  if (problem !== undefined) {
    return fail(cannot(`The model file ${path} is damaged, or no model: ${problem}.`));
  }
  const hash = createHash('sha256').update(`${engineRevision}:${size}:`).update(head);
  return ok({ fingerprint: `fp_${hash.digest('hex').slice(0, 12)}`, stamp: `${ino}:${size}:${mtimeMs}` });
}

function cannot(message: string) {
  return failure('internal_error', message);
}
