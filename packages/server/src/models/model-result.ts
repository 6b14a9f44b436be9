/** Why a model is not at hand; for the operator, never for a client of the server. */
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
  /** What happened and, where something can be done, what. No credentials, even where the URL had some. */
  readonly message: string;
}

/** Either a value or why there is none. */
export type ModelResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ModelFailure };

export function found<T>(value: T): ModelResult<T> {
  return { ok: true, value };
}

export function missing<T>(code: ModelFailureCode, message: string): ModelResult<T> {
  return { ok: false, failure: { code, message } };
}

/** Failures that no other source can cure: trying the next one would only say the same again. */
export function isFinal(failure: ModelFailure): boolean {
  return failure.code === 'cancelled' || failure.code === 'disk_full' || failure.code === 'unwritable';
}
