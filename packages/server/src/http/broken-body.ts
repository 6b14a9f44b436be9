import type { IncomingMessage } from 'node:http';
import type { Failure } from '../domain/failure.ts';

/** Why a request cannot be read: what its answer says. */
export interface Refusal {
  readonly failure: Failure;
  /** HTTP's status for it, which may be more exact than that of the failure's code: 408, 431. */
  readonly status: number;
}

const broken = new WeakMap<IncomingMessage, Refusal>();

/**
 * Ends the body of a request whose framing is broken, so that its handler stops waiting for more. The part that came must
 * not count as the whole body: code that reads a body calls {@link brokenBody} at its end. Destroying the request instead
 * would destroy the socket, and with it the answers before this one.
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
