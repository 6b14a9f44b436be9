import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fail, failure, ok, type Result } from '../domain/failure.ts';

const headBytes = 1 << 20;
/** Raised when the engine begins to make other text of the same weights and seed. */
const engineRevision = 1;

/**
 * Looks at a model file before a process is started for it. The fingerprint is made of its size and its first
 * MiB (header, vocabulary), which costs a millisecond where hashing the whole would cost seconds.
 */
export async function inspectModelFile(path: string): Promise<Result<{ readonly fingerprint: string }>> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(headBytes, size)), 0);
      const head = buffer.subarray(0, bytesRead);
      if (head.toString('latin1', 0, 4) !== 'GGUF') {
        return fail(failure('internal_error', `${path} is no GGUF file.`));
      }
      const hash = createHash('sha256').update(`${engineRevision}:${size}:`).update(head);
      return ok({ fingerprint: `fp_${hash.digest('hex').slice(0, 12)}` });
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EISDIR'
          ? 'is a folder'
          : `can't be read (${String(code)})`;
    return fail(failure('internal_error', `The model file ${path} ${why}.`));
  }
}
