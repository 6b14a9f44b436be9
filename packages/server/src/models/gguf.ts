import { open } from 'node:fs/promises';
import { describeFileError } from './file-error.ts';
import { found, type ModelResult, missing } from './model-result.ts';

export interface GgufHead {
  /** The version of the file format: 2 or 3. */
  readonly version: number;
  readonly bytes: number;
}

/**
 * Checks the beginning of a GGUF file: magic and version, nothing else. Fails with `not_found`, `not_gguf` or `unwritable`
 * (no permission), each with a message that names the file and what to do.
 */
export async function isGguf(file: string): Promise<ModelResult<GgufHead>> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(file, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) return missing('not_gguf', `${file} is not a file; expected a GGUF model`);
    const head = Buffer.alloc(64);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return judge(file, head.subarray(0, bytesRead), stat.size);
  } catch (error) {
    return { ok: false, failure: describeFileError(error, file) };
  } finally {
    await handle?.close();
  }
}

function judge(file: string, head: Buffer, bytes: number): ModelResult<GgufHead> {
  if (bytes === 0) return missing('not_gguf', `${file} is empty; expected a GGUF model`);
  if (head.toString('latin1').startsWith('version https://git-lfs')) {
    return missing(
      'not_gguf',
      `${file} is a Git LFS pointer, not the model itself: run \`git lfs pull\` where it came from`,
    );
  }
  if (head.length < 24 || head.toString('latin1', 0, 4) !== 'GGUF') {
    return missing(
      'not_gguf',
      `${file} is no GGUF model: it begins with ${printable(head.subarray(0, 4))}, expected "GGUF"`,
    );
  }
  const version = head.readUInt32LE(4);
  if (version !== 2 && version !== 3) {
    const swapped = head.readUInt32BE(4);
    const why = swapped === 3 ? 'is big-endian' : `has version ${version}`;
    return missing(
      'not_gguf',
      `${file} is a GGUF file that cannot be read here: it ${why}; expected version 2 or 3, little-endian`,
    );
  }
  return found({ version, bytes });
}

function printable(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1')).replace(/[\u007f-\u00ff]/g, '?');
}
