import type { ErrorCode } from '@tailrace/protocol';

/**
 * An expected failure: a value that is returned or carried by an event, never thrown.
 * `throw` is for bugs.
 */
export interface Failure {
  readonly code: ErrorCode;
  /** For the client: what was expected, what came, what to do. It never holds an upstream's host, a key or a stack. */
  readonly message: string;
  /** Path of the field at fault, `messages[2].content`. */
  readonly param?: string;
  /** Milliseconds after which the client may try again; absent where that is not known. */
  readonly retryAfterMs?: number;
  /** True where the same target would fail again: it refuses the key, or does not have the model. */
  readonly permanent?: true;
  /** Set where the failure is about the key that was sent to the upstream: with another key the request may succeed. */
  readonly upstreamKey?: KeyFault;
  /** True where the failure does not count against the target's health. */
  readonly blameless?: true;
  /** For the log only: the cause in our own words. It may name hosts, but holds nothing of a prompt or an answer. */
  readonly detail?: string;
  /**
   * For the log only: the message of an upstream or of a thrown error. It may hold anything, also a prompt: the log shows it
   * only through `telemetry/wording.ts`.
   */
  readonly wording?: string;
}

/** `refused`: the upstream does not accept the key, or its account has no credit. `limited`: the key is asked too often. */
export type KeyFault = 'refused' | 'limited';

/** Makes a failure; `more` holds its optional members. */
export function failure(
  code: ErrorCode,
  message: string,
  more: Omit<Failure, 'code' | 'message'> = {},
): Failure {
  return { code, message, ...more };
}

/** Either a value or why there is none. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** A result with a value. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** A result without a value. */
export function fail<T>(reason: Failure): Result<T> {
  return { ok: false, failure: reason };
}

/** The failure of an answer that ended without a finish for every choice. */
export function brokeOff(): Failure {
  return failure('upstream_cut', 'The answer broke off: the upstream ended it without a finish reason.');
}
