import { decodeJsonText, type JsonText } from '@tailrace/protocol';
import { assertNever } from './assert-never.ts';
import { createJsonValidator, type JsonValidator } from './json-validator.ts';
import { namedFields, type OtherDelta, type StreamEvent, type TextDelta } from './stream-event.ts';

/**
 * Judges one stream of events by the grammar of `stream-event.ts`. The tests of every adapter run it, and the relay runs it
 * on every event: a few comparisons and no allocation a call.
 */
export interface EventGrammar {
  /**
   * Takes the next event. Returns what is wrong with it, for the log, or undefined where it is in order.
   * A refused event changes nothing; whether the stream continues without it is the caller's decision.
   */
  accept(event: StreamEvent): string | undefined;
  /** `whole` after the last finish, `torn` after `failed`; undefined while more must come. */
  readonly ended: 'whole' | 'torn' | undefined;
}

/** Creates the grammar for an answer with this number of choices (`n` of the request). */
export function createEventGrammar(choices: number): EventGrammar {
  return new StreamGrammar(choices);
}

/** The state of one choice. */
class ChoiceGrammar {
  finished = false;
  /** Calls begun: the last of them is the open one. */
  calls = 0;
  /** The arguments of the open call; undefined while it has none. */
  arguments: JsonValidator | undefined;
  /** The first call whose arguments are no JSON object. */
  tornCall: number | undefined;
}

/** See {@link EventGrammar}. The guard of the relay is built on it. */
export class StreamGrammar implements EventGrammar {
  ended: 'whole' | 'torn' | undefined;
  private readonly choices: readonly ChoiceGrammar[];
  private unfinished: number;
  private begun = false;
  private usageSeen = false;
  /** The choice of the last event where that was a text delta: a further text delta of this choice needs only a check of its text. */
  private speaking: number | undefined;

  constructor(choices: number) {
    this.choices = Array.from({ length: choices }, () => new ChoiceGrammar());
    this.unfinished = choices;
  }

  accept(event: StreamEvent): string | undefined {
    if (event.type === 'text-delta' && event.choice === this.speaking) return problemOfText(event);
    if (this.ended !== undefined) return `${event.type} after the end`;
    const problem = this.judge(event);
    if (problem === undefined) {
      this.begun = true;
      this.speaking = event.type === 'text-delta' ? event.choice : undefined;
    }
    return problem;
  }

  private judge(event: StreamEvent): string | undefined {
    switch (event.type) {
      case 'start':
        return this.begun ? 'start after another event' : undefined;
      case 'usage':
        if (this.usageSeen) return 'usage twice';
        this.usageSeen = true;
        return undefined;
      case 'failed':
        this.ended = 'torn';
        return undefined;
      default:
        return this.judgeChoice(event);
    }
  }

  private judgeChoice(event: ChoiceEvent): string | undefined {
    const choice = this.choices[event.choice];
    if (choice === undefined) return `${event.type} for choice ${event.choice} of ${this.choices.length}`;
    if (choice.finished) return `${event.type} after the finish of choice ${event.choice}`;
    switch (event.type) {
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        return problemOfText(event);
      case 'other-delta':
        return problemOfOther(event);
      case 'tool-call-start': {
        if (event.index !== choice.calls)
          return `tool call ${event.index} begins where ${choice.calls} is due`;
        const problem = problemOfOpenCall(choice);
        if (problem !== undefined) return problem;
        endCall(choice);
        choice.calls += 1;
        return undefined;
      }
      case 'tool-call-delta': {
        const open = choice.calls - 1;
        if (event.index !== open) {
          return `a delta of tool call ${event.index} while ${open < 0 ? 'none' : open} is open`;
        }
        const problem = problemOfText(event);
        if (problem !== undefined) return problem;
        choice.arguments ??= createJsonValidator();
        choice.arguments.pushEscaped(event.json);
        return undefined;
      }
      case 'finish': {
        const problem = problemOfOpenCall(choice);
        if (problem !== undefined) return problem;
        if (event.reason === 'stop' && choice.calls > 0) return 'the finish reason stop after tool calls';
        const torn = choice.tornCall ?? (isTorn(choice) ? choice.calls - 1 : undefined);
        // An answer that ran out of tokens may break off inside a call.
        if (torn !== undefined && event.reason !== 'length') {
          return `the arguments of tool call ${torn} are no JSON object`;
        }
        choice.finished = true;
        this.unfinished -= 1;
        if (this.unfinished === 0) this.ended = 'whole';
        return undefined;
      }
      default:
        return assertNever(event);
    }
  }
}

type ChoiceEvent = Extract<StreamEvent, { readonly choice: number }>;

/** The length of an escape such as `\ud800`: a shorter text holds no half. */
const escapeLength = 6;
const halfEscaped = /\\ud[89a-f]/i;

/** A token that is part of a character has log probabilities and no text yet; any other delta has text. */
function problemOfText(
  event: { readonly type: string; readonly json: JsonText } & Pick<TextDelta, 'logprobs'>,
) {
  const { type, json, logprobs } = event;
  if (json === '') return logprobs === undefined ? `an empty ${type}` : undefined;
  // Nearly every delta takes one test; only halves and escaped pairs are decoded.
  const mayHoldHalf = json.length >= escapeLength && json.includes('\\u') && halfEscaped.test(json);
  return mayHoldHalf && !decodeJsonText(json).isWellFormed()
    ? `half a surrogate pair in a ${type}`
    : undefined;
}

function problemOfOther({ field, value }: OtherDelta): string | undefined {
  if (value === '') return 'an empty other-delta';
  return namedFields.has(field) ? `an other-delta with the name ${field}` : undefined;
}

function problemOfOpenCall({ calls, arguments: json }: ChoiceGrammar): string | undefined {
  return calls > 0 && json === undefined ? `tool call ${calls - 1} has no arguments` : undefined;
}

function isTorn({ calls, arguments: json }: ChoiceGrammar): boolean {
  return calls > 0 && !(json?.isObject === true && json.whole);
}

/** Ends the open call, because the next call begins. */
function endCall(choice: ChoiceGrammar): void {
  if (isTorn(choice)) choice.tornCall ??= choice.calls - 1;
  choice.arguments = undefined;
}
