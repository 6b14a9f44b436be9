import { StreamGrammar } from '../domain/event-grammar.ts';
import { createJsonValidator, type JsonValidator } from '../domain/json-validator.ts';
import type { FailedEvent, StreamEvent } from '../domain/stream-event.ts';
import { type Usage, type UsageEstimates, withEstimates } from '../domain/usage.ts';

/**
 * An event that has passed the guard. A `failed` event never reaches the guard: the relay loop ends the answer before it.
 */
export type GuardedEvent = Exclude<StreamEvent, FailedEvent>;

/**
 * Checks every event between the source and the reader: the grammar, and the JSON that `response_format` asks for. The
 * guard repairs nothing, because each adapter repairs the answers of its provider; a violation is a bug of an adapter, or a
 * torn answer. It changes only the usage: it adds one where no target reported one, and the counts that a target did not
 * report ({@link withEstimates}).
 */
export interface AnswerGuard {
  /** Passes the event on, or returns what is wrong with it. */
  accept(event: GuardedEvent): string | undefined;
  /** Every choice has finished. */
  readonly whole: boolean;
  readonly usage: Usage | undefined;
}

/** What the request asks of its answer. */
export interface AnswerRules {
  readonly choices: number;
  /** `response_format` asks for JSON: the text of a choice that ends by itself has to be JSON. */
  readonly json: boolean;
}

/** Receives the events that have passed. */
export interface PassReceiver {
  pass(event: GuardedEvent): void;
}

/**
 * The guard calls the receiver for each event and returns no list, because nearly every call passes on exactly one event.
 * `estimates`: for counts that no target reports.
 */
export function createAnswerGuard(
  rules: AnswerRules,
  estimates: UsageEstimates,
  receiver: PassReceiver,
): AnswerGuard {
  return new Guard(rules, estimates, receiver);
}

/** One choice of an answer that has to be JSON. */
class JsonChoice {
  readonly text: JsonValidator = createJsonValidator();
  /** Calls and refusals take the place of the text that the format is about. Images, audio and the like stand beside it. */
  hasOtherOutput = false;
}

/** A grammar that passes on what it accepts: a grammar of its own would be one object more to touch for each event. */
class Guard extends StreamGrammar implements AnswerGuard {
  usage: Usage | undefined;
  private readonly receiver: PassReceiver;
  private readonly estimates: UsageEstimates;
  /** Undefined where the answer need not be JSON. */
  private readonly jsonChoices: readonly JsonChoice[] | undefined;

  constructor({ choices, json }: AnswerRules, estimates: UsageEstimates, receiver: PassReceiver) {
    super(choices);
    this.estimates = estimates;
    this.receiver = receiver;
    this.jsonChoices = json ? Array.from({ length: choices }, () => new JsonChoice()) : undefined;
  }

  get whole(): boolean {
    return this.ended === 'whole';
  }

  override accept(event: GuardedEvent): string | undefined {
    const violation =
      (this.jsonChoices === undefined ? undefined : this.judgeJson(event)) ?? super.accept(event);
    if (violation !== undefined) return violation;
    if (event.type === 'usage') this.passUsage(withEstimates(event.usage, this.estimates));
    else {
      if (event.type === 'finish' && this.whole && this.usage === undefined) {
        this.passUsage(withEstimates(undefined, this.estimates));
      }
      this.receiver.pass(event);
    }
    return undefined;
  }

  private judgeJson(event: GuardedEvent): string | undefined {
    const choice = 'choice' in event ? this.jsonChoices?.[event.choice] : undefined;
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
}
