import { type Failure, failure } from '../../domain/failure.ts';

/** Malformed events that can have carried no output and are dropped (contract, section 7). */
const maxDropped = 3;

/** Events of one answer that cannot be read: some are dropped, others end it. */
export interface MalformedEvents {
  /** Of an event that cannot be read, as much as there is: why the answer ends here, or undefined where it goes on. */
  judge(evidence: string): Failure | undefined;
  /** Drops an event that has no place in the answer; the failure when it is one too many. */
  drop(): Failure | undefined;
  readonly dropped: number;
}

/** `mayCarryOutput`: whether the bytes of an event that cannot be read look like output. */
export function createMalformedEvents(mayCarryOutput: (evidence: string) => boolean): MalformedEvents {
  let dropped = 0;

  function drop(): Failure | undefined {
    dropped += 1;
    if (dropped <= maxDropped) return undefined;
    return failure('upstream_protocol', 'The upstream sent several events that cannot be read.', {
      detail: `more than ${maxDropped} malformed events`,
    });
  }

  return {
    drop,
    judge: (evidence) =>
      mayCarryOutput(evidence)
        ? unreadable(`an event of ${evidence.length} characters that cannot be read`)
        : drop(),
    get dropped() {
      return dropped;
    },
  };
}

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
