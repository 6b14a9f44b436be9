import type { ErrorCode } from '@tailrace/protocol';
import type { ExpectedOutcomes, Outcome } from './fault.ts';

/** Words for the declarations beside the faults; each names the clause of section 7 that it follows. */

export const whole: Outcome = { kind: 'whole' };

export function errorEvent(code: ErrorCode): Outcome {
  return { kind: 'error-event', code };
}

export function httpError(status: number, code: ErrorCode): Outcome {
  return { kind: 'http-error', status, code };
}

/** What a relay puts right, or what was never wrong. */
export const alwaysWhole: ExpectedOutcomes = {
  one: { streaming: whole, collected: whole },
  second: { streaming: whole, collected: whole },
  takeover: { streaming: whole, collected: whole },
};

/** Fails before the commit: invisible where another target answers. */
export function failsBeforeCommit(status: number, code: ErrorCode): ExpectedOutcomes {
  const error = httpError(status, code);
  return {
    one: { streaming: error, collected: error },
    second: { streaming: whole, collected: whole },
    takeover: { streaming: whole, collected: whole },
  };
}

/** The caller's fault, whoever is asked. */
export function callersFault(status: number, code: ErrorCode): ExpectedOutcomes {
  const error = httpError(status, code);
  return {
    one: { streaming: error, collected: error },
    second: { streaming: error, collected: error },
    takeover: { streaming: error, collected: error },
  };
}

/**
 * Breaks after the commit: the error event, unless somebody takes over. An answer that is collected commits
 * when it is complete, so there another target is enough.
 */
export function breaksAfterCommit(status: number, code: ErrorCode): ExpectedOutcomes {
  return {
    one: { streaming: errorEvent(code), collected: httpError(status, code) },
    second: { streaming: errorEvent(code), collected: whole },
    takeover: { streaming: whole, collected: whole },
  };
}

/** The same where nobody can take over: tool calls have begun. */
export function breaksForGood(status: number, code: ErrorCode): ExpectedOutcomes {
  return {
    ...breaksAfterCommit(status, code),
    takeover: { streaming: errorEvent(code), collected: whole },
  };
}

/** As the documentation writes it. */
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
