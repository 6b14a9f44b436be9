import { type Failure, failure } from '../../../domain/failure.ts';

/** Output that our stream cannot represent, or that cannot be read. `unreadable` describes it for the log, without its text. */
export interface UnreadableOutput {
  readonly unreadable: string;
}

/**
 * The failure for output that our stream cannot represent, or that cannot be read: without it the answer would be incomplete.
 * `what` describes it for the log, without its text, which may be content.
 */
export function unreadable(what: string): Failure {
  return failure('upstream_cut', "Part of the upstream's answer could not be read.", { detail: what });
}

/** The failure for an answer that breaks the rules of its protocol, or breaks off. `detail` is for the log. */
export function torn(code: 'upstream_protocol' | 'upstream_cut', detail: string): Failure {
  return failure(code, 'The upstream broke off its answer.', { detail });
}

/** The failure for a choice that stopped for a reason that is no finish. `detail` is for the log. */
export function unfinished(detail: string): Failure {
  return failure('upstream_cut', 'The upstream stopped without having finished its answer.', { detail });
}

/** The failure for an event over `maxEventBytes`. */
export function eventTooLarge(maxEventBytes: number): Failure {
  return failure('upstream_protocol', 'The upstream sent an event that is too large.', {
    detail: `an event over ${maxEventBytes} bytes`,
  });
}

/** The failure for an answer with more than `most` events that cannot be read. */
export function tooManyDropped(most: number): Failure {
  return failure('upstream_protocol', 'The upstream sent several events that cannot be read.', {
    detail: `more than ${most} malformed events`,
  });
}

/** Arguments whose pieces do not join to a JSON object (contract, sections 3 and 7). */
export function tornArguments(call: number): Failure {
  const detail = `the arguments of tool call ${call} are no JSON object`;
  return failure('upstream_protocol', `The upstream's answer is not in order: ${detail}.`, { detail });
}
