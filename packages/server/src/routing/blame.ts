import type { ErrorCode } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';

/**
 * Whose failure it is: the `caller`'s stays wrong wherever it is sent, a `target`'s need not, and a prompt
 * too long for one `context` may fit another. A content-policy refusal is never routed around.
 */
export function blameOf(code: ErrorCode): 'caller' | 'context' | 'target' {
  switch (code) {
    case 'upstream_refused':
    case 'upstream_protocol':
    case 'upstream_auth':
    case 'upstream_cut':
    case 'overloaded':
    case 'draining':
    case 'no_healthy_upstream':
    case 'rate_limit_exceeded':
    case 'insufficient_quota':
    case 'first_token_timeout':
    case 'stall_timeout':
    case 'storage_unavailable':
      return 'target';
    case 'context_length_exceeded':
      return 'context';
    default:
      return 'caller';
  }
}

/** Whether a failure says that the target is unwell, or only that it is busy or asked the wrong thing. */
export function countsAgainstHealth(reason: Failure): boolean {
  if (reason.blameless === true) return false;
  switch (reason.code) {
    case 'upstream_refused':
    case 'upstream_protocol':
    case 'upstream_auth':
    case 'upstream_cut':
    case 'first_token_timeout':
    case 'stall_timeout':
      return true;
    default:
      return false;
  }
}
