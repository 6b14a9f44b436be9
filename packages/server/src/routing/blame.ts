import type { ErrorCode } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';

/**
 * What has to change so that the request succeeds. `caller`: the request itself, because every target would refuse it.
 * `target`: another target may answer it. `context`: a model with a larger context may answer it. A refusal by a content
 * policy counts as `caller`: a second target must not be used to avoid the policy.
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

/** Whether a failure counts against the target's health. A busy target, and one that refuses the request, is healthy. */
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

/**
 * Whether a target that failed so had taken the request before: it was silent, or its answer broke off or was none. One that
 * could not be reached, or that refused, had not.
 */
export function wasTaken({ code }: Failure): boolean {
  switch (code) {
    case 'upstream_protocol':
    case 'upstream_cut':
    case 'first_token_timeout':
    case 'stall_timeout':
      return true;
    default:
      return false;
  }
}
