import { decodeJsonText, emptyJsonText, type JsonText, joinJsonText, jsonText } from '@tailrace/protocol';
import { tokensOf } from '../domain/estimate-tokens.ts';
import { createEventGrammar, type EventGrammar } from '../domain/event-grammar.ts';
import { isJson } from '../domain/json.ts';
import { createPairHold } from '../domain/pair-hold.ts';
import type {
  FailedEvent,
  FinishEvent,
  ReasoningDelta,
  StreamEvent,
  TextDelta,
} from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

const noArguments = jsonText('{}');
/** What is held to be parsed at the end, in escaped characters: the arguments of a choice's calls, its JSON answer. */
const maxHeldLength = 16 * 1024 * 1024;

/** What the guard lets through: everything but failures, which end the drive before it. */
export type Passed = Exclude<StreamEvent, FailedEvent>;

/**
 * Stands between every source and every reader, so that each adapter need not: it refuses what breaks the
 * grammar, drops what says nothing, holds half a character for its other half, holds tool arguments to being
 * JSON, names the finish after the calls, and sees to it that an answer never ends without a usage.
 */
export interface AnswerGuard {
  /** Passes on what comes of this event, none or several; or says what is wrong with it. */
  accept(event: Passed): string | undefined;
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
}

/** Whoever gets what the guard lets through. */
export interface PassReceiver {
  pass(event: Passed): void;
}

/** `to` is called and no list is made: most events are passed on as they are. */
export function createAnswerGuard(rules: AnswerRules, to: PassReceiver): AnswerGuard {
  return new Guard(rules, to);
}

/** What is known of one choice so far. */
class ChoiceState {
  begun = false;
  readonly texts = createPairHold();
  readonly thoughts = createPairHold();
  /** Arguments of each call so far. */
  readonly calls: JsonText[] = [];
  argumentLength = 0;
  /** The answer so far, only where it is held to being JSON. */
  readonly answer: JsonText[] = [];
  answerLength = 0;
  refused = false;
}

class Guard implements AnswerGuard {
  private readonly to: PassReceiver;
  private readonly grammar: EventGrammar;
  private readonly rules: AnswerRules;
  /** The first choice: most answers have no other. */
  private readonly first: ChoiceState;
  /** Tokens said, as far as they can be counted. */
  private counted = 0;
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

  accept(event: Passed): string | undefined {
    if (isEmptyDelta(event)) return undefined;
    const violation = this.grammar.accept(event);
    if (violation !== undefined) return violation;
    switch (event.type) {
      case 'text-delta':
      case 'reasoning-delta':
        this.counted += tokensOf(event);
        return this.text(event);
      case 'refusal-delta': {
        this.counted += tokensOf(event);
        const state = this.states[event.choice];
        if (state !== undefined) state.refused = true;
        break;
      }
      case 'tool-call-start':
        this.states[event.choice]?.calls.push(emptyJsonText);
        this.letGo(event.choice, 'thoughts');
        this.letGo(event.choice, 'texts');
        break;
      case 'tool-call-delta': {
        this.counted += tokensOf(event);
        const state = this.states[event.choice];
        if (state === undefined) break;
        state.argumentLength += event.json.length;
        if (state.argumentLength > maxHeldLength) return 'tool arguments beyond all bounds';
        state.calls[event.index] = joinJsonText(state.calls[event.index] ?? emptyJsonText, event.json);
        break;
      }
      case 'usage':
        this.usage = atLeast(event.usage, this.counted);
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
      state.answerLength += json.length;
      if (state.answerLength > maxHeldLength) return 'a JSON answer beyond all bounds';
      state.answer.push(json);
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
    const torn = state.calls.findIndex((json) => json !== '' && !isJson(decodeJsonText(json)));
    if (torn >= 0 && event.reason !== 'length') return `the arguments of tool call ${torn} are not JSON`;
    const plain = event.reason === 'stop' && state.calls.length === 0 && !state.refused;
    if (this.rules.json && plain && !isJson(decodeJsonText(state.answer.join('') as JsonText))) {
      return 'the answer is not the JSON that response_format asks for';
    }
    this.letGo(event.choice, 'thoughts');
    this.letGo(event.choice, 'texts');
    for (const [index, json] of state.calls.entries()) {
      if (json !== '') continue;
      this.to.pass({ type: 'tool-call-delta', choice: event.choice, index, json: noArguments });
    }
    this.unfinished -= 1;
    this.whole = this.unfinished === 0;
    const called = state.calls.length > 0 && event.reason === 'stop';
    if (this.whole && this.usage === undefined) {
      const promptTokens = this.rules.promptTokens();
      this.usage = { promptTokens, completionTokens: this.counted, estimated: true };
      this.to.pass({ type: 'usage', usage: this.usage });
    }
    this.to.pass(called ? { ...event, reason: 'tool_calls' } : event);
    return undefined;
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

function isEmptyDelta(event: Passed): boolean {
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
