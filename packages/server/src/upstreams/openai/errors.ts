import { errorKind, isErrorCode } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import {
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  notPaid,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { requestFault } from '../http/refusal/request-fault.ts';
import { errorFrom, parseError, type UpstreamError } from '../http/refusal/upstream-error.ts';

const noCreditCodes = new Set(['insufficient_quota', 'insufficient_balance', 'billing_hard_limit_reached']);

/** The failure of an answer that is no event stream (contract, section 7). */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const error = parseError(refusal.body);
  // The HTTP status is used, and never the status inside the error.
  const { status: _status, ...read } = readError(error);
  return judge(error, factsOfRefusal(refusal, read, context));
}

/**
 * The failure for an error inside an answer: an event or an answer, or only its member `error`. `status`: the HTTP status for an
 * error that gives none. Default: 500, a failure of the provider.
 */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  const error = errorFrom(value);
  return judge(error, factsOfEvent('in the answer', readError(error), context, error.namedStatus ?? status));
}

function readError({ message, code, type, status, param, retryAfterMs }: UpstreamError): DecodedError {
  return { message, names: { status, type, code, param }, status, param, retryAfterMs };
}

function judge(error: UpstreamError, facts: ErrorFacts): Failure {
  const { status, cause } = facts;
  const code = (error.code ?? error.type ?? '').toLowerCase();
  const fault = requestFault(error, facts);
  if (fault !== undefined) return fault;
  if (status === 429 && noCreditCodes.has(code)) return notPaid(cause);
  const failed = failureByStatus(facts);
  if (failed.code !== 'invalid_value' || !isErrorCode(error.code)) return failed;
  return errorKind(error.code).status === 400 ? { ...failed, code: error.code } : failed;
}
