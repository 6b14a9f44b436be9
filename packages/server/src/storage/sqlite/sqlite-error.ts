import type { OpeningFailure } from '../opening.ts';
import { StoreError } from '../store-error.ts';

/** Result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code. */
const busy = 5;
const locked = 6;
const readOnly = 8;
const full = 13;
const cannotOpen = 14;
/** The locks of the log are taken by others again and again. */
const protocol = 15;
const tooBig = 18;
const constraint = 19;
const mismatch = 20;
const range = 25;
const corrupt = 11;
const notADatabase = 26;

/** The error of a store's method for whatever `node:sqlite` threw. */
export function sqliteStoreError(error: unknown): Error {
  if (error instanceof StoreError) return error;
  const code = resultCode(error);
  if (code === undefined) {
    if (isUnbindable(error)) return new StoreError('refused', 'SQLite has no type for a value', error);
    return error instanceof Error ? error : new Error(String(error));
  }
  if (code === busy || code === locked || code === protocol)
    return new StoreError('busy', 'the SQLite database is locked by another process', error);
  if (code === full) return new StoreError('full', 'no space is left for the SQLite database', error);
  if (code === tooBig || code === constraint || code === mismatch || code === range)
    return new StoreError('refused', `SQLite: ${messageOf(error)} (${code})`, error);
  // A message of SQLite names tables and columns, and no values.
  return new StoreError('fault', `SQLite: ${messageOf(error)} (${code})`, error);
}

/** The operator's message for whatever prevented a file or folder from being opened. */
export function sqliteOpeningFailure(error: unknown, path: string): OpeningFailure {
  const code = resultCode(error);
  const system = systemCode(error);
  if (code === busy || code === locked)
    return { ok: false, reason: 'locked', message: `${path} is locked by another process` };
  if (code === full || system === 'ENOSPC' || system === 'EDQUOT')
    return { ok: false, reason: 'full', message: `no space is left for ${path}` };
  if (code === notADatabase || code === corrupt)
    return {
      ok: false,
      reason: 'not-a-database',
      message: `${path} is not a SQLite database, or it is damaged; restore it, or move it away`,
    };
  if (code === readOnly || code === cannotOpen || system !== undefined) {
    const why = system === undefined ? '' : ` (${system})`;
    return {
      ok: false,
      reason: 'unwritable',
      message: `${path} cannot be opened for writing${why}; the user of this process needs the right to write there`,
    };
  }
  return { ok: false, reason: 'fault', message: `${path} cannot be opened: ${messageOf(error)}` };
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** `node:sqlite` refuses values that it cannot bind before SQLite sees them. */
function isUnbindable(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ERR_INVALID_ARG_TYPE' || error.code === 'ERR_INVALID_ARG_VALUE';
}

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
