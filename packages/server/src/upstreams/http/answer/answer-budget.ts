import { createHash } from 'node:crypto';
import { type Failure, failure } from '../../../domain/failure.ts';

/**
 * The most that is taken of one answer, over all of its choices: what is kept until the answer ends, and what has no
 * business being large. Text, thoughts and refusals are passed on as they come and have no bound but the event's.
 * In UTF-16 units of the text, or of the JSON, as it came. docs/upstreams.md lists these figures for operators.
 */
export const answerBounds = {
  calls: 1_024,
  /** The arguments of one call, and of all calls. */
  callArguments: 4 * 1024 * 1024,
  allArguments: 8 * 1024 * 1024,
  /** What the provider wants back: details and thoughts, signatures, and how they stood between texts and calls. */
  extras: 1024 * 1024,
  toolName: 256,
  /** A client may send no longer one back (contract, section 2). */
  callId: 1_024,
  fingerprint: 256,
  /** Of log probabilities: a token's text, its bytes, and its alternatives, of which no client can ask for more. */
  tokenText: 1_024,
  tokenBytes: 1_024,
  topLogprobs: 20,
} as const;

/** Counts one answer against {@link answerBounds}. Each says why the answer ends there, or nothing. */
export interface AnswerBudget {
  /** One call more. */
  call(): Failure | undefined;
  /** The name of a call. */
  name(name: string): Failure | undefined;
  /** More arguments; `length`: what the call has with them. */
  arguments(added: number, length: number): Failure | undefined;
  /** More that is kept to be handed back; less, where it takes the place of something. */
  extra(added: number): Failure | undefined;
}

export function createAnswerBudget(): AnswerBudget {
  const { calls: maxCalls, callArguments, allArguments, extras: maxExtras, toolName } = answerBounds;
  let calls = 0;
  let argumentsLength = 0;
  let extras = 0;

  return {
    call() {
      calls += 1;
      return calls > maxCalls ? answerTooLarge(`more than ${maxCalls} tool calls`) : undefined;
    },
    name: (name) =>
      name.length > toolName ? answerTooLarge(`a tool's name of over ${toolName} characters`) : undefined,
    arguments(added, length) {
      argumentsLength += added;
      if (length > callArguments) {
        return answerTooLarge(`a tool call whose arguments are over ${callArguments} characters`);
      }
      if (argumentsLength <= allArguments) return undefined;
      return answerTooLarge(`tool calls whose arguments are over ${allArguments} characters together`);
    },
    extra(added) {
      extras += added;
      if (extras <= maxExtras) return undefined;
      // Left out in silence, it would be missing from the client's next turn.
      return answerTooLarge(`over ${maxExtras} characters that have to be sent back to it`);
    },
  };
}

/** An answer beyond one of the bounds in docs/upstreams.md; `what` names it to the client. */
export function answerTooLarge(what: string): Failure {
  return failure('upstream_protocol', `The upstream's answer holds more than this server takes: ${what}.`, {
    detail: what,
  });
}

/**
 * A call's id as clients can send it back: one that is too long becomes one of ours, the same each time, so that
 * pieces of a call still find it.
 */
export function usableCallId(id: string): string {
  if (id.length <= answerBounds.callId) return id;
  return `call_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}
