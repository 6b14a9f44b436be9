import type { OpeningFailure } from '../opening.ts';
import { StoreError } from '../store-error.ts';

/** SQLSTATE of a server's error (PostgreSQL's documentation, appendix A); undefined for errors of the connection. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return 'severity' in error && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/** Two transactions were in each other's way, and this one has been rolled back: it may be repeated. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40P01' || state === '40001';
}

/** A record is older or newer than every partition. */
export function lacksPartition(error: unknown): boolean {
  return sqlState(error) === '23514';
}

/** The server has said what it thinks of the statement; after any other error the connection is not to be used again. */
export function isConnectionFit(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !isAway(state);
}

/** The error of a store's method for whatever `pg` threw. `where`: the database in words. */
export function postgresStoreError(error: unknown, where = 'PostgreSQL'): Error {
  if (error instanceof StoreError) return error;
  const state = sqlState(error);
  if (state === undefined) {
    // `pg` has no codes for its timeouts and for a connection that ended.
    if (!(error instanceof Error) || !isOfConnection(error))
      return error instanceof Error ? error : new Error(String(error));
    return new StoreError('unreachable', `${where} cannot be reached: ${reasonOf(error)}`, error);
  }
  if (isAway(state)) return new StoreError('unreachable', `${where} takes no work now (${state})`, error);
  if (state.startsWith('53')) return new StoreError('full', `${where} has no space left (${state})`, error);
  if (state === '55P03' || state === '57014' || (state.startsWith('40') && state !== '40002'))
    return new StoreError('busy', `${where} did not answer in time (${state})`, error);
  // Values: 21 one row twice in a statement, 22 what does not fit a type, 23 and 40002 what a constraint forbids, 54 what is too
  // long for an index. A missing partition can be made.
  if (/^(?:2[123]|40002|54)/.test(state) && !lacksPartition(error))
    return new StoreError('refused', `${where} does not take these values (${state})`, error);
  // The server's message may quote values of a row.
  return new StoreError('fault', `${where} refused a statement (${state})`, error);
}

const named = 'its URL is storage.database_url, or TAILRACE_DATABASE_URL';

/** The operator's message for whatever prevented the database from being opened. `where` has no password. */
export function postgresOpeningFailure(error: unknown, where: string): OpeningFailure {
  const state = sqlState(error);
  if (state === '28P01' || state === '28000')
    return refused(`${where} refuses the user or the password (${state}); ${named}`);
  if (state === '3D000')
    return refused(`there is no database ${where}; create it, or mend the URL: ${named}`);
  if (state === '42501')
    return refused(`${where} does not let this user create tables; grant it CREATE on the schema`);
  const mapped = postgresStoreError(error, where);
  if (mapped instanceof StoreError && mapped.code === 'unreachable')
    return { ok: false, reason: 'unreachable', message: `${mapped.message}; ${named}` };
  if (mapped instanceof StoreError && mapped.code === 'full')
    return { ok: false, reason: 'full', message: mapped.message };
  return { ok: false, reason: 'fault', message: `the store cannot be opened: ${mapped.message}` };
}

function refused(message: string): OpeningFailure {
  return { ok: false, reason: 'refused', message };
}

/**
 * Shutting down, starting, read only (a standby), too many connections, a connection that broke or was ended by a time limit; and
 * a user, password or database that a new connection is refused for.
 */
function isAway(state: string): boolean {
  return /^(?:08|57P|28|3D)/.test(state) || ['53300', '25006', '25P03', '25P04'].includes(state);
}

/** Errors without a code are those of `pg` itself: all of them are of the connection. A bug of ours has another class. */
function isOfConnection(error: Error): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
    return false;
  return error.constructor === Error || error instanceof AggregateError || 'syscall' in error;
}

function reasonOf(error: Error): string {
  // Of several addresses each has failed; the first says enough.
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  return first.message;
}
