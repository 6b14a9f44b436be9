import type { IncomingMessage } from 'node:http';
import type { Failure } from '../domain/failure.ts';

/** Why a request cannot be read, as its answer says it. */
export interface Refusal {
  readonly failure: Failure;
  /** HTTP's own word for it, which may be finer than that of the failure's code: 408, 431. */
  readonly status: number;
}

const broken = new WeakMap<IncomingMessage, Refusal>();

/**
 * Ends the body of a request where its framing broke, so that its handler stops waiting for the rest. What came
 * must not be taken for the whole: every reader of a body asks {@link brokenBody} at its end. Destroying the
 * request instead would destroy the socket, and with it the answers before this one.
 */
export function breakBody(request: IncomingMessage, refusal: Refusal): void {
  broken.set(request, refusal);
  request.complete = true;
  request.push(null);
}

/** Undefined for a body that ended as it announced, or has not ended yet. */
export function brokenBody(request: IncomingMessage): Refusal | undefined {
  return broken.get(request);
}
