import { type Failure, failure } from '../../../domain/failure.ts';

/** What it is that our stream has no place for, or that cannot be read; for the log, never its text. */
export interface Odd {
  readonly odd: string;
}

/**
 * Output that has no place in our stream, or that cannot be read: dropping it would tear the answer in silence.
 * `what` names it for the log and is never its text, which may be content.
 */
export function unreadable(what: string): Failure {
  return failure('upstream_cut', "Part of the upstream's answer could not be read.", { detail: what });
}

export function eventTooLarge(maxEventBytes: number): Failure {
  return failure('upstream_protocol', 'The upstream sent an event that is too large.', {
    detail: `an event over ${maxEventBytes} bytes`,
  });
}

export function tooManyDropped(most: number): Failure {
  return failure('upstream_protocol', 'The upstream sent several events that cannot be read.', {
    detail: `more than ${most} malformed events`,
  });
}

/** Arguments whose pieces do not join to JSON (contract, section 7). */
export function tornArguments(call: number): Failure {
  const detail = `the arguments of tool call ${call} are not JSON`;
  return failure('upstream_protocol', `The upstream's answer is not in order: ${detail}.`, { detail });
}
