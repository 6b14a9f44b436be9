/** Why a model is not available; for the operator, never for a client of the server. */
export type ModelFailureCode =
  | 'cancelled'
  | 'not_found'
  | 'not_gguf'
  | 'unreachable'
  | 'refused'
  | 'stalled'
  | 'cut'
  | 'wrong_checksum'
  | 'disk_full'
  | 'unwritable'
  | 'unavailable';

export interface ModelFailure {
  readonly code: ModelFailureCode;
  /** What happened and, where the operator can do something, what to do. Without the credentials of URLs. */
  readonly message: string;
}

/** A value, or the failure that says why there is none. */
export type ModelResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ModelFailure };

export function found<T>(value: T): ModelResult<T> {
  return { ok: true, value };
}

export function missing<T>(code: ModelFailureCode, message: string): ModelResult<T> {
  return { ok: false, failure: { code, message } };
}

/** Failures that the next source would have too. */
export function isFinal(failure: ModelFailure): boolean {
  return failure.code === 'cancelled' || failure.code === 'disk_full' || failure.code === 'unwritable';
}
