import type { Failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FinishEvent } from '../../domain/stream-event.ts';
import { slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
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
import { createToolCalls } from '../http/answer/tool-calls.ts';
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
  const budget = createAnswerBudget();
  const usage = new ContentUsage();
  const choices = Array.from({ length: options.choices }, (_, choice) =>
    createChoice(choice, options, budget, output, usage),
  );

  /** True for an answer that comes as one JSON text. */
  let isWhole = false;

  function readCandidates(candidates: unknown): Failure | undefined {
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
    if (isJoined(speaking.map(({ candidate }) => candidate['index']))) {
      return torn('upstream_protocol', 'output of several candidates for one candidate');
    }
    for (const { candidate, parts } of read) {
      const choice = choices[choiceOfIndex(candidate['index'], options.choices) ?? options.choices];
      const failed = choice?.read(candidate['finishReason'] ?? candidate['finish_reason'], parts);
      if (failed !== undefined) return failed;
      if (choice === undefined && parts.some(hasOutput)) {
        return unreadable('output of a candidate that was not requested');
      }
    }
    return undefined;
  }

  /** Whether outputs of one event, or of one JSON answer, would be joined although the provider counts them apart. */
  function isJoined(indexes: readonly unknown[]): boolean {
    if (indexes.length < 2) return false;
    return isWhole
      ? isSharedChoice(indexes, options.choices)
      : options.choices === 1 && isSeveralChoices(indexes);
  }

  function readError(value: unknown, status = 500): void {
    output.refuse(failureOfEvent(value, options.errors(), status));
  }

  return {
    passesJsonOn: /"args"/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence) || undefined,
    get state() {
      return leastCertain(choices);
    },
    lastEvent: doneEvent,
    readError,
    readWhole(answer, text) {
      const error = errorIn(answer);
      if (error !== undefined) readError(error, 200);
      else if (isResponse(answer)) {
        isWhole = true;
        this.read(answer, text);
      } else return false;
      return true;
    },
    read(given, data) {
      const event = hasOtherPart(given) ? (asObject(parseJsonExactly(data)) ?? given) : given;
      const error = errorIn(event);
      if (error !== undefined) {
        readError(error);
        return;
      }
      const blocked = asObject(event['promptFeedback'])?.['blockReason'];
      if (isReason(blocked)) {
        output.refuse(promptBlocked(blocked));
        return;
      }
      const failed = readCandidates(event['candidates'] ?? []);
      // After the parts of its event, because the counts include them.
      usage.take(event['usageMetadata']);
      if (failed !== undefined) output.fail(failed);
    },
    finish() {
      const finishes: FinishEvent[] = [];
      for (const choice of choices) {
        const ended = choice.end();
        if ('code' in ended) return ended;
        finishes.push(ended);
      }
      const counted = usage.usage();
      if (counted !== undefined) output.emit({ type: 'usage', usage: counted });
      for (const finish of finishes) output.emit(finish);
      return undefined;
    },
  };
}

/** Whether an object has a member that only a `GenerateContentResponse` has. */
function isResponse(answer: JsonObject): boolean {
  return ['candidates', 'promptFeedback', 'usageMetadata'].some((name) => answer[name] !== undefined);
}

interface Choice {
  readonly state: AnswerState;
  /** Emits the parts of one event, and keeps its finish reason. Returns the failure where the answer is torn here. */
  read(finishReason: unknown, parts: readonly (Part | UnreadableOutput)[]): Failure | undefined;
  /** Ends the choice: returns its finish, or the failure where it is torn. */
  end(): FinishEvent | Failure;
}

function createChoice(
  choice: number,
  { parallelToolCalls, completionId, errors }: ContentStreamOptions,
  budget: AnswerBudget,
  output: DialectOutput,
  usage: ContentUsage,
): Choice {
  const writer = createChoiceWriter({ choice }, output);
  const makeId = (call: number) => generatedCallId(completionId, choice, call);
  const calls = createToolCalls({ makeId, budget, writer, wholeNames: true });
  let signature: string | undefined;
  const finish = new HeldFinish<string>();

  function readCall(call: Extract<Part, { type: 'call' }>): Failure | undefined {
    if (writer.calls > 0 && !parallelToolCalls) return undefined;
    const { id, name, args, signature: signed } = call;
    return calls.add({
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
  function keepSignature(given: string | undefined): Failure | undefined {
    if (given === undefined) return undefined;
    const tooMuch = budget.extra(given.length - (signature?.length ?? 0));
    signature = given;
    return tooMuch;
  }

  function forward(part: JsonObject | undefined): Failure | undefined {
    return part && writeOther(otherPart(part), { writer, budget, hidden: errors().hidden });
  }

  function readPart(part: Part | UnreadableOutput): Failure | undefined {
    if ('unreadable' in part) return unreadable(part.unreadable);
    if (hasOutput(part)) {
      finish.output();
      usage.outputCame();
    }
    if (part.thought && part.text !== '') usage.reasoningCame();
    for (const slice of slicesOf(part.text)) {
      if (part.thought) writer.reasoning(slice);
      else writer.text(slice);
    }
    if (part.type === 'call') return readCall(part) ?? forward(part.other);
    // A part that is forwarded keeps its signature.
    const isForwarded = part.text === '' && part.other !== undefined;
    return forward(part.other) ?? (isForwarded ? undefined : keepSignature(part.signature));
  }

  return {
    get state() {
      return finish.state;
    },
    read(stop, parts) {
      for (const part of parts) {
        const failed = readPart(part);
        if (failed !== undefined) return failed;
      }
      if (isReason(stop)) finish.finish(stop);
      return undefined;
    },
    end() {
      const called = writer.calls;
      const given = finishReasonOf(finish.reason ?? '');
      // The reason says that there is a call, and none has come: it was lost.
      if (given === undefined || (given === 'tool_calls' && called === 0)) {
        writer.flush();
        return unfinished(`finishReason ${nameOf(finish.reason)} with ${called} calls`);
      }
      const torn = calls.finish(given === 'length');
      if (torn !== undefined) return torn;
      const finished = writer.finish(given);
      if ('tornCall' in finished) return tornArguments(finished.tornCall);
      return {
        type: 'finish',
        choice,
        reason: finished.reason,
        ...(signature === undefined ? {} : { extra: { google: { thought_signature: signature } } }),
      };
    },
  };
}

function hasOutput(part: Part | UnreadableOutput): boolean {
  return 'unreadable' in part || part.type === 'call' || part.text !== '' || part.other !== undefined;
}
