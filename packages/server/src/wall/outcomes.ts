import type { ErrorCode } from '@tailrace/protocol';
import type { ExpectedOutcomes, Outcome } from './fault.ts';

/** The outcomes that faults declare, by the rules of section 7 of the wire contract. */

export const whole: Outcome = { kind: 'whole' };

export function errorEvent(code: ErrorCode): Outcome {
  return { kind: 'error-event', code };
}

export function httpError(status: number, code: ErrorCode): Outcome {
  return { kind: 'http-error', status, code };
}

/** A relay repairs the fault, or there is none. */
export const alwaysWhole: ExpectedOutcomes = {
  one: { streaming: whole, collected: whole },
  second: { streaming: whole, collected: whole },
  takeover: { streaming: whole, collected: whole },
};

/** Fails before the commit: a client does not notice where another target answers. */
export function failsBeforeCommit(status: number, code: ErrorCode): ExpectedOutcomes {
  const error = httpError(status, code);
  return {
    one: { streaming: error, collected: error },
    second: { streaming: whole, collected: whole },
    takeover: { streaming: whole, collected: whole },
  };
}

/** A mistake of the caller's: the same with every target. */
export function callersFault(status: number, code: ErrorCode): ExpectedOutcomes {
  const error = httpError(status, code);
  return {
    one: { streaming: error, collected: error },
    second: { streaming: error, collected: error },
    takeover: { streaming: error, collected: error },
  };
}

/**
 * Breaks after the commit: the error event, unless another target takes over. An answer that does not stream commits when
 * it is complete, so there a second target is enough.
 */
export function breaksAfterCommit(status: number, code: ErrorCode): ExpectedOutcomes {
  return {
    one: { streaming: errorEvent(code), collected: httpError(status, code) },
    second: { streaming: errorEvent(code), collected: whole },
    takeover: { streaming: whole, collected: whole },
  };
}

/** The same where no target can take over, because tool calls have begun or the finish has come. */
export function breaksBeyondTakeover(status: number, code: ErrorCode): ExpectedOutcomes {
  return {
    ...breaksAfterCommit(status, code),
    takeover: { streaming: errorEvent(code), collected: whole },
  };
}

/** An outcome as `docs/wall.md` writes it. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'whole':
      return 'whole';
    case 'error-event':
      return `event \`${outcome.code}\``;
    case 'http-error':
      return `${outcome.status} \`${outcome.code}\``;
  }
}
