import { errorCode } from '../domain/error-code.ts';
import type { ModelFailure } from './model-result.ts';

export function diskFull(place: string, needBytes?: number): ModelFailure {
  const need = needBytes === undefined ? '' : `; ${Math.ceil(needBytes / 1e6)} MB are needed`;
  return { code: 'disk_full', message: `the disk is full: no room for the model in ${place}${need}` };
}

/** The same for the cache folder. The message says how to choose another folder. */
export function describeCacheError(error: unknown, folder: string): ModelFailure {
  const code = errorCode(error);
  const { code: kind, message } =
    code === 'EEXIST' || code === 'ENOTDIR'
      ? { code: 'unwritable' as const, message: `${folder} is a file, or is inside one` }
      : describeFileError(error, folder);
  return { code: kind, message: `the models' cache folder: ${message}; TAILRACE_CACHE_DIR names another` };
}

/** The failure for the operator of an error of the file system. Throws any other error again: it is a bug. */
export function describeFileError(error: unknown, place: string): ModelFailure {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { code: 'not_found', message: `${place} does not exist` };
    case 'EISDIR':
      return { code: 'not_gguf', message: `${place} is a folder; expected a GGUF file` };
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return diskFull(place);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { code: 'unwritable', message: `no permission for ${place} (${errorCode(error)})` };
    case undefined:
      throw error;
    default:
      return { code: 'unwritable', message: `${place}: ${errorCode(error)}` };
  }
}
