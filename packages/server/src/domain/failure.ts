import type { ErrorCode } from '@tailrace/protocol';

/**
 * An expected failure: a value that is returned or carried by an event, never thrown.
 * `throw` is for bugs.
 */
export interface Failure {
  readonly code: ErrorCode;
  /** For the client: what was expected, what came, what to do. Never an upstream's host, key or stack. */
  readonly message: string;
  /** Path of the field at fault, `messages[2].content`. */
  readonly param?: string;
  /** How long a client should wait, in milliseconds, where that is known. */
  readonly retryAfterMs?: number;
  /** True where the same target would say the same again: its key is refused, its model is not there. */
  readonly permanent?: true;
  /** True where it says nothing against the target's health. */
  readonly blameless?: true;
  /** For the log only: the cause in our own words and names, which may be those of hosts. Nothing of a prompt or an answer. */
  readonly detail?: string;
  /**
   * For the log only: what another side said, an upstream's message or that of a thrown error. It may hold anything,
   * a prompt too: the log shows it by `telemetry/wording.ts`.
   */
  readonly wording?: string;
}

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

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail<T>(reason: Failure): Result<T> {
  return { ok: false, failure: reason };
}

/** However politely an answer ended: without a finish for every choice it is a cut. */
export function brokeOff(): Failure {
  return failure('upstream_cut', 'The answer broke off: the upstream ended it without a finish reason.');
}
