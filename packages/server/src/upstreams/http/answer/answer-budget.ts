import { createHash } from 'node:crypto';
import { type Failure, failure } from '../../../domain/failure.ts';

/**
 * Bounds for one answer, all choices together. They limit the data that is kept until the answer ends, and members that are
 * small in a correct answer. Text, reasoning and refusals are passed on as they come; only the size of their event is bounded. In
 * UTF-16 units of the text or the JSON as it came. docs/upstreams.md lists these figures for operators.
 */
export const answerBounds = {
  calls: 1_024,
  /** The arguments of one call; the next bound is for all calls together. */
  callArguments: 4 * 1024 * 1024,
  allArguments: 8 * 1024 * 1024,
  /** What the next turn must send back: reasoning, its details and signatures, and their places among texts and calls. */
  extras: 1024 * 1024,
  toolName: 256,
  /** Output that our stream does not name: the name of a field, and how many different fields. */
  otherName: 256,
  otherFields: 64,
  /** The longest id that a client may send back (contract, section 2). */
  callId: 1_024,
  fingerprint: 256,
  /** Log probabilities: a token's text, its bytes, and its alternatives. A client cannot request more than 20. */
  tokenText: 1_024,
  tokenBytes: 1_024,
  topLogprobs: 20,
} as const;

/**
 * Counts one answer against {@link answerBounds}. Each method returns a failure where the answer exceeds a bound: the answer
 * ends there.
 */
export interface AnswerBudget {
  /** Counts one more call. */
  call(): Failure | undefined;
  /** Checks the name of a call. */
  name(name: string): Failure | undefined;
  /** Checks the name of a field that our stream does not name, and counts the different ones. */
  field(name: string): Failure | undefined;
  /** Counts more arguments. `length`: all arguments of that call, these included. */
  arguments(added: number, length: number): Failure | undefined;
  /** Counts what is kept to be sent back; negative where it replaces something longer. */
  extra(added: number): Failure | undefined;
}

/** Creates the budget of one answer. */
export function createAnswerBudget(): AnswerBudget {
  return new Budget();
}

class Budget implements AnswerBudget {
  private calls = 0;
  private argumentsLength = 0;
  private extras = 0;
  /** Made with the first field, because few answers have one. */
  private fields: Set<string> | undefined;

  call(): Failure | undefined {
    this.calls += 1;
    if (this.calls <= answerBounds.calls) return undefined;
    return answerTooLarge(`more than ${answerBounds.calls} tool calls`);
  }

  name(name: string): Failure | undefined {
    const { toolName } = answerBounds;
    if (name.length <= toolName) return undefined;
    return answerTooLarge(`a tool's name of over ${toolName} characters`);
  }

  field(name: string): Failure | undefined {
    const { otherName, otherFields } = answerBounds;
    if (name.length > otherName) return answerTooLarge(`a field whose name has over ${otherName} characters`);
    this.fields ??= new Set();
    this.fields.add(name);
    return this.fields.size > otherFields
      ? answerTooLarge(`over ${otherFields} kinds of fields that its protocol does not have`)
      : undefined;
  }

  arguments(added: number, length: number): Failure | undefined {
    const { callArguments, allArguments } = answerBounds;
    this.argumentsLength += added;
    if (length > callArguments) {
      return answerTooLarge(`a tool call whose arguments are over ${callArguments} characters`);
    }
    if (this.argumentsLength <= allArguments) return undefined;
    return answerTooLarge(`tool calls whose arguments are over ${allArguments} characters together`);
  }

  extra(added: number): Failure | undefined {
    const { extras } = answerBounds;
    this.extras += added;
    if (this.extras <= extras) return undefined;
    // A failure is needed: if the extra content were only dropped, it would be missing in the client's next turn.
    return answerTooLarge(`over ${extras} characters that have to be sent back to it`);
  }
}

/** The failure of an answer that exceeds one of the bounds in docs/upstreams.md; `what` is shown to the client. */
export function answerTooLarge(what: string): Failure {
  return failure('upstream_protocol', `The upstream's answer holds more than this server takes: ${what}.`, {
    detail: what,
  });
}

/**
 * The id of a call as clients can send it back. An id that is too long is replaced by its hash: the same id each time, so that
 * later pieces of the call still belong to it.
 */
export function usableCallId(id: string): string {
  if (id.length <= answerBounds.callId) return id;
  return `call_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}
