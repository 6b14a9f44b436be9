import { expect } from 'vitest';
import type { RawResponse } from '../support/http-bytes.ts';

/** What a raw client has received of one answer. */
export interface Seen {
  readonly bytes: Buffer;
  /** Absent where no head came, and where the bytes are no HTTP. */
  readonly response: RawResponse | undefined;
  /** The body as text. */
  readonly body: string;
  /** Undefined while the connection is open. */
  readonly closed: 'end' | 'reset' | undefined;
}

interface AnsweredError {
  readonly message: string;
  readonly code: unknown;
  readonly param: unknown;
}

/** Fails unless the answer is whole JSON of that status with an error inside. */
export function jsonAnswerOf(response: RawResponse | undefined, status: number): AnsweredError {
  expect([response?.status, response?.complete]).toEqual([status, true]);
  expect(response?.header('content-type')).toBe('application/json');
  const { error } = JSON.parse((response?.body ?? '').toString()) as { error: AnsweredError };
  expect(error.message).toEqual(expect.any(String));
  return error;
}
