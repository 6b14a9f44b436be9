import { createEventGrammar, type EventGrammar } from '../domain/event-grammar.ts';
import { createJsonValidator, type JsonValidator } from '../domain/json-validator.ts';
import type { FailedEvent, StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

/**
 * An event that has passed the guard. A `failed` event never reaches the guard: the relay loop ends the answer before it.
 */
export type GuardedEvent = Exclude<StreamEvent, FailedEvent>;

/**
 * Checks every event between the source and the reader: the grammar, and the JSON that `response_format` asks for. The
 * guard repairs nothing, because each adapter repairs the answers of its provider; a violation is a bug of an adapter, or a
 * torn answer. It changes only the usage: it adds one where no target reported one, and raises an estimated count to the
 * tokens that the source has counted.
 */
export interface AnswerGuard {
  /** Passes the event on, or returns what is wrong with it. */
  accept(event: GuardedEvent): string | undefined;
  /** Every choice has finished. */
  readonly whole: boolean;
  readonly usage: Usage | undefined;
}

/** What the request asks of its answer, and how its tokens are counted. */
export interface AnswerRules {
  readonly choices: number;
  /** `response_format` asks for JSON: the text of a choice that ends by itself has to be JSON. */
  readonly json: boolean;
  /** An estimate, for a target that reports no usage. */
  promptTokens(): number;
  /** Tokens of the answer so far, by the count of the targets that generated them. */
  completionTokens(): number;
}

/** Receives the events that have passed. */
export interface PassReceiver {
  pass(event: GuardedEvent): void;
}

/**
 * The guard calls the receiver for each event and returns no list, because nearly every call passes on exactly one event.
 */
export function createAnswerGuard(rules: AnswerRules, receiver: PassReceiver): AnswerGuard {
  return new Guard(rules, receiver);
}

/** One choice of an answer that has to be JSON. */
class JsonChoice {
  readonly text: JsonValidator = createJsonValidator();
  /** Calls and refusals take the place of the text that the format is about. Images, audio and the like stand beside it. */
  hasOtherOutput = false;
}

class Guard implements AnswerGuard {
  usage: Usage | undefined;
  private readonly receiver: PassReceiver;
  private readonly rules: AnswerRules;
  private readonly grammar: EventGrammar;
  private readonly jsonChoices: readonly JsonChoice[];

  constructor(rules: AnswerRules, receiver: PassReceiver) {
    this.rules = rules;
    this.receiver = receiver;
    this.grammar = createEventGrammar(rules.choices);
    this.jsonChoices = rules.json ? Array.from({ length: rules.choices }, () => new JsonChoice()) : [];
  }

  get whole(): boolean {
    return this.grammar.ended === 'whole';
  }

  accept(event: GuardedEvent): string | undefined {
    const violation = (this.rules.json ? this.judgeJson(event) : undefined) ?? this.grammar.accept(event);
    if (violation !== undefined) return violation;
    if (event.type === 'usage') this.passUsage(atLeast(event.usage, this.rules.completionTokens()));
    else {
      if (event.type === 'finish' && this.whole && this.usage === undefined) this.passUsage(this.estimate());
      this.receiver.pass(event);
    }
    return undefined;
  }

  private judgeJson(event: GuardedEvent): string | undefined {
    const choice = 'choice' in event ? this.jsonChoices[event.choice] : undefined;
    if (choice === undefined) return undefined;
    switch (event.type) {
      case 'text-delta':
        choice.text.pushEscaped(event.json);
        return undefined;
      case 'refusal-delta':
      case 'tool-call-start':
        choice.hasOtherOutput = true;
        return undefined;
      case 'finish':
        // What ran out of tokens, or was cut by a filter, need not be JSON.
        if (event.reason !== 'stop' || choice.hasOtherOutput || choice.text.whole) return undefined;
        return 'the answer is not the JSON that response_format asks for';
      default:
        return undefined;
    }
  }

  private passUsage(usage: Usage): void {
    this.usage = usage;
    this.receiver.pass({ type: 'usage', usage });
  }

  private estimate(): Usage {
    const { promptTokens, completionTokens } = this.rules;
    return { promptTokens: promptTokens(), completionTokens: completionTokens(), estimated: true };
  }
}

/**
 * Raises an estimated completion count to the tokens that the source has counted: a target may have sent more output after
 * its usage.
 */
function atLeast(usage: Usage, counted: number): Usage {
  if (usage.estimated !== true || usage.completionTokens >= counted) return usage;
  return { ...usage, completionTokens: counted };
}
