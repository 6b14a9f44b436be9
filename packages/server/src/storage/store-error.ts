/**
 * Why a method of a store rejected. `busy`: another process holds the database's lock. `full`: no space is left.
 * `unreachable`: no connection, or it broke. `closed`: the store has been closed. `refused`: it does not take these values, and
 * never will. `fault`: anything else, such as a disk that fails.
 */
export type StoreErrorCode = 'busy' | 'full' | 'unreachable' | 'closed' | 'refused' | 'fault';

/** A failure of a store. Its message names no data of a row. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
    this.code = code;
  }
}
