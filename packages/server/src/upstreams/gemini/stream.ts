import type { Failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FinishEvent } from '../../domain/stream-event.ts';
import { slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { type ChoiceWriter, createChoiceWriter } from '../choice-writer.ts';
import { type AnswerBudget, createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import {
  torn,
  tornArguments,
  type UnreadableOutput,
  unfinished,
  unreadable,
} from '../http/answer/answer-failures.ts';
import { choiceOfIndex, isSeveralChoices, isSharedChoice } from '../http/answer/choice-index.ts';
import { type Dialect, type DialectOutput, doneEvent } from '../http/answer/dialect.ts';
import { finishReasonOf, isReason } from '../http/answer/finish-reasons.ts';
import { type AnswerState, HeldFinish, leastCertain } from '../http/answer/held-finish.ts';
import { otherPart, writeOther } from '../http/answer/other-output.ts';
import { createToolCalls, type ToolCalls } from '../http/answer/tool-calls.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { errorIn } from '../http/refusal/upstream-error.ts';
import { asObject, parseJsonExactly } from '../http/unknown-json.ts';
import { failureOfEvent, promptBlocked } from './errors.ts';
import { decodePart, hasOtherPart, type Part, partsOf } from './parts.ts';
import { ContentUsage } from './usage.ts';

/** What the dialect needs for one answer. */
export interface ContentStreamOptions {
  /** `n` of the request. */
  readonly choices: number;
  /** False: the client wants one call only, so later calls of a choice are dropped. */
  readonly parallelToolCalls: boolean;
  /** For the ids of calls that have none. */
  readonly completionId: string;
  readonly errors: () => ErrorContext;
}

/** Matches fields that carry output, and the beginning of an event that was cut and may have a candidate. */
const carriesOutput =
  /^\s*\{\s*"cand|"(?:candidates|parts|text|function_?[cC]all|inline_?[dD]ata|file_?[dD]ata)"/;

/**
 * Creates the dialect of `streamGenerateContent?alt=sse` (ai.google.dev/api/generate-content): each event is a
 * `GenerateContentResponse` whose candidates carry the next parts of their content.
 *
 * A call comes whole, in one part. Each event has counts of the answer so far, and some servers write a finish reason on each.
 * The protocol has no last event: the end of the body is its own end.
 *
 * Metadata beside the content (citations, grounding, ratings) is ignored: the text is whole without it. Parts that are neither
 * text nor call (images, files, code and its results) are forwarded as they came.
 */
export function createContentDialect(options: ContentStreamOptions, output: DialectOutput): Dialect {
  return new ContentDialect(options, output);
}

const passesJsonOn = /"args"/;

/** One object, because a dialect lives as long as its stream. */
class ContentDialect implements Dialect {
  readonly passesJsonOn = passesJsonOn;
  readonly lastEvent = doneEvent;
  private readonly options: ContentStreamOptions;
  private readonly output: DialectOutput;
  private readonly usage = new ContentUsage();
  private readonly choices: readonly CandidateChoice[];
  /** True for an answer that comes as one JSON text. */
  private isWhole = false;

  constructor(options: ContentStreamOptions, output: DialectOutput) {
    this.options = options;
    this.output = output;
    const budget = createAnswerBudget();
    this.choices = Array.from(
      { length: options.choices },
      (_, choice) => new CandidateChoice(choice, options, budget, output, this.usage),
    );
  }

  get state(): Dialect['state'] {
    return leastCertain(this.choices);
  }

  mayCarryOutput(evidence: string): boolean | undefined {
    return carriesOutput.test(evidence) || undefined;
  }

  readError(value: unknown, status = 500): void {
    this.output.refuse(failureOfEvent(value, this.options.errors(), status));
  }

  readWhole(answer: JsonObject, text: string): boolean {
    const error = errorIn(answer);
    if (error !== undefined) this.readError(error, 200);
    else if (isResponse(answer)) {
      this.isWhole = true;
      this.read(answer, text);
    } else return false;
    return true;
  }

  read(given: JsonObject, data: string): void {
    const event = hasOtherPart(given) ? (asObject(parseJsonExactly(data)) ?? given) : given;
    const error = errorIn(event);
    if (error !== undefined) {
      this.readError(error);
      return;
    }
    const blocked = asObject(event['promptFeedback'])?.['blockReason'];
    if (isReason(blocked)) {
      this.output.refuse(promptBlocked(blocked));
      return;
    }
    const failed = this.readCandidates(event['candidates'] ?? []);
    // After the parts of its event, because the counts include them.
    this.usage.take(event['usageMetadata']);
    if (failed !== undefined) this.output.fail(failed);
  }

  finish(): Failure | undefined {
    const finishes: FinishEvent[] = [];
    for (const choice of this.choices) {
      const ended = choice.end();
      if ('code' in ended) return ended;
      finishes.push(ended);
    }
    const counted = this.usage.usage();
    if (counted !== undefined) this.output.emit({ type: 'usage', usage: counted });
    for (const finish of finishes) this.output.emit(finish);
    return undefined;
  }

  private readCandidates(candidates: unknown): Failure | undefined {
    if (!Array.isArray(candidates)) return unreadable('candidates that are no list');
    const read: { readonly candidate: JsonObject; readonly parts: readonly (Part | UnreadableOutput)[] }[] =
      [];
    for (const value of candidates) {
      if (value === null) continue;
      const candidate = asObject(value);
      if (candidate === undefined) return unreadable('a candidate that is no object');
      const parts = partsOf(candidate);
      if ('unreadable' in parts) return unreadable(parts.unreadable);
      read.push({ candidate, parts: parts.map(decodePart) });
    }
    const speaking = read.filter(({ parts }) => parts.some(hasOutput));
    if (this.isJoined(speaking.map(({ candidate }) => candidate['index']))) {
      return torn('upstream_protocol', 'output of several candidates for one candidate');
    }
    for (const { candidate, parts } of read) {
      const choice =
        this.choices[choiceOfIndex(candidate['index'], this.options.choices) ?? this.options.choices];
      const failed = choice?.read(candidate['finishReason'] ?? candidate['finish_reason'], parts);
      if (failed !== undefined) return failed;
      if (choice === undefined && parts.some(hasOutput)) {
        return unreadable('output of a candidate that was not requested');
      }
    }
    return undefined;
  }

  /** Whether outputs of one event, or of one JSON answer, would be joined although the provider counts them apart. */
  private isJoined(indexes: readonly unknown[]): boolean {
    if (indexes.length < 2) return false;
    return this.isWhole
      ? isSharedChoice(indexes, this.options.choices)
      : this.options.choices === 1 && isSeveralChoices(indexes);
  }
}

/** Whether an object has a member that only a `GenerateContentResponse` has. */
function isResponse(answer: JsonObject): boolean {
  return ['candidates', 'promptFeedback', 'usageMetadata'].some((name) => answer[name] !== undefined);
}

/** One choice of the answer: reads what a candidate adds to it. */
class CandidateChoice {
  private readonly choice: number;
  private readonly options: ContentStreamOptions;
  private readonly budget: AnswerBudget;
  private readonly writer: ChoiceWriter;
  private readonly usage: ContentUsage;
  private readonly finish = new HeldFinish<string>();
  /** Made with the first call. */
  private calls: ToolCalls | undefined;
  private signature: string | undefined;

  constructor(
    choice: number,
    options: ContentStreamOptions,
    budget: AnswerBudget,
    output: DialectOutput,
    usage: ContentUsage,
  ) {
    this.choice = choice;
    this.options = options;
    this.budget = budget;
    this.writer = createChoiceWriter({ choice }, output);
    this.usage = usage;
  }

  get state(): AnswerState {
    return this.finish.state;
  }

  /** Emits the parts of one event, and keeps its finish reason. Returns the failure where the answer is torn here. */
  read(stop: unknown, parts: readonly (Part | UnreadableOutput)[]): Failure | undefined {
    for (const part of parts) {
      const failed = this.readPart(part);
      if (failed !== undefined) return failed;
    }
    if (isReason(stop)) this.finish.finish(stop);
    return undefined;
  }

  /** Ends the choice: returns its finish, or the failure where it is torn. */
  end(): FinishEvent | Failure {
    const { choice, writer, signature } = this;
    const { reason } = this.finish;
    const called = writer.calls;
    const given = finishReasonOf(reason ?? '');
    // The reason says that there is a call, and none has come: it was lost.
    if (given === undefined || (given === 'tool_calls' && called === 0)) {
      writer.flush();
      return unfinished(`finishReason ${nameOf(reason)} with ${called} calls`);
    }
    const torn = this.calls?.finish(given === 'length');
    if (torn !== undefined) return torn;
    const finished = writer.finish(given);
    if ('tornCall' in finished) return tornArguments(finished.tornCall);
    return {
      type: 'finish',
      choice,
      reason: finished.reason,
      ...(signature === undefined ? {} : { extra: { google: { thought_signature: signature } } }),
    };
  }

  private readCall(call: Extract<Part, { type: 'call' }>): Failure | undefined {
    const { budget, writer } = this;
    const { parallelToolCalls, completionId } = this.options;
    if (writer.calls > 0 && !parallelToolCalls) return undefined;
    const { id, name, args, signature: signed } = call;
    this.calls ??= createToolCalls({
      makeId: (made) => generatedCallId(completionId, this.choice, made),
      budget,
      writer,
      wholeNames: true,
    });
    return this.calls.add({
      name,
      arguments: args,
      whole: true,
      ...(id === '' ? {} : { id: usableCallId(id) }),
      ...(signed === undefined ? {} : { extra: { google: { thought_signature: signed } } }),
    });
  }

  /**
   * Keeps the signature of the last part that is a text or a thought; it is the signature of the message. At the end of the
   * answer this part may be empty.
   */
  private keepSignature(given: string | undefined): Failure | undefined {
    if (given === undefined) return undefined;
    const tooMuch = this.budget.extra(given.length - (this.signature?.length ?? 0));
    this.signature = given;
    return tooMuch;
  }

  private forward(part: JsonObject | undefined): Failure | undefined {
    const { writer, budget } = this;
    return part && writeOther(otherPart(part), { writer, budget, hidden: this.options.errors().hidden });
  }

  private readPart(part: Part | UnreadableOutput): Failure | undefined {
    if ('unreadable' in part) return unreadable(part.unreadable);
    if (hasOutput(part)) {
      this.finish.output();
      this.usage.outputCame();
    }
    if (part.thought && part.text !== '') this.usage.reasoningCame();
    for (const slice of slicesOf(part.text)) {
      if (part.thought) this.writer.reasoning(slice);
      else this.writer.text(slice);
    }
    if (part.type === 'call') return this.readCall(part) ?? this.forward(part.other);
    // A part that is forwarded keeps its signature.
    const isForwarded = part.text === '' && part.other !== undefined;
    return this.forward(part.other) ?? (isForwarded ? undefined : this.keepSignature(part.signature));
  }
}

function hasOutput(part: Part | UnreadableOutput): boolean {
  return 'unreadable' in part || part.type === 'call' || part.text !== '' || part.other !== undefined;
}
