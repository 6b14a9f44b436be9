import { jsonText } from '@tailrace/protocol';
import { createEventGrammar, type EventGrammar } from '../domain/event-grammar.ts';
import { createJsonValidator, type JsonValidator } from '../domain/json-validator.ts';
import type {
  FailedEvent,
  FinishEvent,
  ReasoningDelta,
  StreamEvent,
  TextDelta,
} from '../domain/stream-event.ts';
import { createSurrogateJoiner } from '../domain/surrogate-joiner.ts';
import type { Usage } from '../domain/usage.ts';

const noArguments = jsonText('{}');

/** What the guard lets through: everything but failures, which end the drive before it. */
export type GuardedEvent = Exclude<StreamEvent, FailedEvent>;

/**
 * Stands between every source and every reader, so that each adapter need not: it refuses what breaks the
 * grammar, drops what says nothing, holds half a character for its other half, holds tool arguments to being
 * JSON, names the finish after the calls, and sees to it that an answer never ends without a usage. It keeps nothing
 * of what was said but half a character.
 */
export interface AnswerGuard {
  /** Passes on what comes of this event, none or several; or says what is wrong with it. */
  accept(event: GuardedEvent): string | undefined;
  /** Every choice has finished. */
  readonly whole: boolean;
  readonly usage: Usage | undefined;
}

/** What the request says of its answer. */
export interface AnswerRules {
  readonly choices: number;
  /** `response_format` asks for JSON: the text of a choice that ends by itself is held to it. */
  readonly json: boolean;
  /** An estimate, for a target that does not tell its usage. */
  promptTokens(): number;
  /** Tokens said so far, by the count of the targets that said them. */
  completionTokens(): number;
}

/** Whoever gets what the guard lets through. */
export interface PassReceiver {
  pass(event: GuardedEvent): void;
}

/** `to` is called and no list is made: most events are passed on as they are. */
export function createAnswerGuard(rules: AnswerRules, to: PassReceiver): AnswerGuard {
  return new Guard(rules, to);
}

/** What is known of one choice so far. */
class ChoiceState {
  begun = false;
  readonly texts = createSurrogateJoiner();
  readonly thoughts = createSurrogateJoiner();
  calls = 0;
  /** Of the call that is open; undefined while it has none. */
  arguments: JsonValidator | undefined;
  /** The first call whose arguments are not JSON. */
  torn: number | undefined;
  /** Of the answer, only where it is held to being JSON. */
  answer: JsonValidator | undefined;
  refused = false;
}

class Guard implements AnswerGuard {
  private readonly to: PassReceiver;
  private readonly grammar: EventGrammar;
  private readonly rules: AnswerRules;
  /** The first choice: most answers have no other. */
  private readonly first: ChoiceState;
  whole = false;
  usage: Usage | undefined;
  private unfinished: number;
  private readonly states: readonly ChoiceState[];

  constructor(rules: AnswerRules, to: PassReceiver) {
    const { choices } = rules;
    this.rules = rules;
    this.to = to;
    this.grammar = createEventGrammar(choices);
    this.first = new ChoiceState();
    this.states = Array.from({ length: choices }, (_, choice) =>
      choice === 0 ? this.first : new ChoiceState(),
    );
    this.unfinished = choices;
  }

  accept(event: GuardedEvent): string | undefined {
    if (isEmptyDelta(event)) return undefined;
    const violation = this.grammar.accept(event);
    if (violation !== undefined) return violation;
    switch (event.type) {
      case 'text-delta':
      case 'reasoning-delta':
        return this.text(event);
      case 'refusal-delta': {
        const state = this.states[event.choice];
        if (state !== undefined) state.refused = true;
        break;
      }
      case 'tool-call-start': {
        this.letGo(event.choice, 'thoughts');
        this.letGo(event.choice, 'texts');
        this.endCall(event.choice);
        const state = this.states[event.choice];
        if (state !== undefined) state.calls += 1;
        break;
      }
      case 'tool-call-delta': {
        const state = this.states[event.choice];
        if (state === undefined) break;
        state.arguments ??= createJsonValidator();
        state.arguments.pushEscaped(event.json);
        break;
      }
      case 'usage':
        this.usage = atLeast(event.usage, this.rules.completionTokens());
        this.to.pass(this.usage === event.usage ? event : { type: 'usage', usage: this.usage });
        return undefined;
      case 'finish':
        return this.finish(event);
      case 'start':
    }
    this.to.pass(event);
    return undefined;
  }

  private text(event: TextDelta | ReasoningDelta): string | undefined {
    const state = event.choice === 0 ? this.first : this.states[event.choice];
    if (state === undefined) return undefined;
    const thinking = event.type === 'reasoning-delta';
    // Reasoning comes before the answer; what an upstream thinks aloud behind its beginning is not shown.
    if (thinking && state.begun) return undefined;
    if (!thinking && !state.begun) {
      this.letGo(event.choice, 'thoughts');
      state.begun = true;
    }
    const json = (thinking ? state.thoughts : state.texts).takeJson(event.json);
    if (this.rules.json && !thinking) {
      state.answer ??= createJsonValidator();
      state.answer.pushEscaped(json);
    }
    const told = event.type === 'text-delta' && event.logprobs !== undefined;
    if (json === event.json) this.to.pass(event);
    else if (json !== '' || told) this.to.pass({ ...event, json });
    return undefined;
  }

  private finish(event: FinishEvent): string | undefined {
    const state = this.states[event.choice];
    // The grammar has refused choices that there are not.
    if (state === undefined) return undefined;
    const plain = event.reason === 'stop' && state.calls === 0 && !state.refused;
    if (this.rules.json && plain && state.answer?.whole !== true) {
      return 'the answer is not the JSON that response_format asks for';
    }
    this.letGo(event.choice, 'thoughts');
    this.letGo(event.choice, 'texts');
    this.endCall(event.choice);
    if (state.torn !== undefined && event.reason !== 'length') {
      return `the arguments of tool call ${state.torn} are not JSON`;
    }
    this.unfinished -= 1;
    this.whole = this.unfinished === 0;
    const called = state.calls > 0 && event.reason === 'stop';
    if (this.whole && this.usage === undefined) {
      const { promptTokens, completionTokens } = this.rules;
      this.usage = {
        promptTokens: promptTokens(),
        completionTokens: completionTokens(),
        estimated: true,
      };
      this.to.pass({ type: 'usage', usage: this.usage });
    }
    this.to.pass(called ? { ...event, reason: 'tool_calls' } : event);
    return undefined;
  }

  /** The open call, where there is one, gets no more: the next begins, or the choice finishes. */
  private endCall(choice: number): void {
    const state = this.states[choice];
    if (state === undefined || state.calls === 0) return;
    const index = state.calls - 1;
    if (state.arguments === undefined) {
      this.to.pass({ type: 'tool-call-delta', choice, index, json: noArguments });
    } else if (!state.arguments.whole) state.torn ??= index;
    state.arguments = undefined;
  }

  /** What is still held when a choice ends, or turns from thinking to answering. */
  private letGo(choice: number, which: 'texts' | 'thoughts'): void {
    const left = this.states[choice]?.[which].flush() ?? '';
    if (left === '') return;
    const type = which === 'texts' ? 'text-delta' : 'reasoning-delta';
    this.to.pass({ type, choice, json: jsonText(left) });
  }
}

/** What a target counted before its answer was over is no less than what came. */
function atLeast(usage: Usage, counted: number): Usage {
  if (usage.estimated !== true || usage.completionTokens >= counted) return usage;
  return { ...usage, completionTokens: counted };
}

function isEmptyDelta(event: GuardedEvent): boolean {
  switch (event.type) {
    case 'text-delta':
      return event.json === '' && event.logprobs === undefined;
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-call-delta':
      return event.json === '';
    default:
      return false;
  }
}
