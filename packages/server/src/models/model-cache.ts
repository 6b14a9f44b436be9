import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../domain/error-code.ts';
import type { ModelSpec } from './default-model.ts';
import { describeFileError } from './file-error.ts';
import { found, type ModelResult, missing } from './model-result.ts';
import { sha256Of } from './sha256.ts';
import type { StagedModel } from './source.ts';

/*
 * Beside each `<file>` there is `<file>.json`: the hash of the file when it was last hashed, and its size and modification
 * time at that moment. While size and time are the same, the file is not hashed again; this saves 0.3 s of every start.
 */
interface Stamp {
  readonly sha256: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly source: string;
}

export interface CachedModel {
  readonly file: string;
  readonly sha256: string;
  /** The source from which it was downloaded. */
  readonly source: string;
  readonly bytes: number;
}

export function cachedFile(cacheDir: string, spec: ModelSpec): string {
  return path.join(cacheDir, spec.file);
}

/**
 * The model in the cache, with its hash checked. Fails with `not_found`, or with `wrong_checksum` for a file that is
 * neither the pinned one nor the one that was downloaded; that file stays until the right one replaces it.
 */
export async function readCache(
  cacheDir: string,
  spec: ModelSpec,
  signal: AbortSignal,
): Promise<ModelResult<CachedModel>> {
  const file = cachedFile(cacheDir, spec);
  try {
    const { size, mtimeMs } = await stat(file);
    const stamp = await readStamp(file);
    if (stamp !== undefined && stamp.bytes === size && stamp.mtimeMs === mtimeMs) {
      return found({ file, sha256: stamp.sha256, source: stamp.source, bytes: size });
    }
    const sha256 = await sha256Of(file, signal);
    if (sha256 !== spec.sha256 && sha256 !== stamp?.sha256) {
      return missing('wrong_checksum', `${file} has SHA-256 ${sha256}, expected ${spec.sha256}`);
    }
    const source = stamp?.sha256 === sha256 ? stamp.source : 'a copy by hand';
    // A read-only cache works too, but every start hashes the file again.
    await writeStamp(file, { sha256, bytes: size, mtimeMs, source }).catch(() => undefined);
    return found({ file, sha256, source, bytes: size });
  } catch (error) {
    if (signal.aborted) return missing('cancelled', 'cancelled');
    const failure = describeFileError(error, file);
    return errorCode(error) === 'ENOENT'
      ? missing('not_found', `it is not in ${cacheDir}`)
      : { ok: false, failure };
  }
}

/** Moves a finished file to its place in the cache, in one step for every other process. */
export async function moveIntoCache(
  cacheDir: string,
  spec: ModelSpec,
  staged: StagedModel,
): Promise<ModelResult<CachedModel>> {
  const file = cachedFile(cacheDir, spec);
  try {
    await rename(staged.file, file);
    const { size, mtimeMs } = await stat(file);
    await writeStamp(file, { sha256: staged.sha256, bytes: size, mtimeMs, source: staged.source });
    return found({ file, sha256: staged.sha256, source: staged.source, bytes: size });
  } catch (error) {
    return { ok: false, failure: describeFileError(error, file) };
  }
}

async function writeStamp(file: string, stamp: Stamp): Promise<void> {
  await writeFile(`${file}.json`, `${JSON.stringify(stamp)}\n`);
}

async function readStamp(file: string): Promise<Stamp | undefined> {
  try {
    const data: unknown = JSON.parse(await readFile(`${file}.json`, 'utf8'));
    if (typeof data !== 'object' || data === null) return undefined;
    if (!('sha256' in data && 'bytes' in data && 'mtimeMs' in data && 'source' in data)) return undefined;
    const { sha256, bytes, mtimeMs, source } = data;
    if (typeof sha256 !== 'string' || typeof bytes !== 'number' || typeof mtimeMs !== 'number')
      return undefined;
    return { sha256, bytes, mtimeMs, source: typeof source === 'string' ? source : 'unknown' };
  } catch {
    return undefined;
  }
}
