import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Usage } from '../../domain/usage.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { type AnswerBudget, createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import {
  tornArguments,
  type UnreadableOutput,
  unfinished,
  unreadable,
} from '../http/answer/answer-failures.ts';
import type { Dialect, DialectOutput } from '../http/answer/dialect.ts';
import { otherPart, writeOther } from '../http/answer/other-output.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { asCount, asObject, optionalText, parseJsonExactly } from '../http/unknown-json.ts';
import { failureOfEvent, promptBlocked } from './errors.ts';
import { decodePart, hasOtherPart, type Part, partsOf } from './parts.ts';
import { usageOf } from './usage.ts';

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

/** Matches fields that carry output. */
const carriesOutput = /"(?:parts|text|functionCall|inlineData|fileData)"/;

/**
 * Creates the dialect of `streamGenerateContent?alt=sse` (ai.google.dev/api/generate-content): each event is a
 * `GenerateContentResponse` whose candidates carry the next parts of their content.
 *
 * A call comes whole, in one part. The finish reason comes in the event with the last parts. Each event has counts of the
 * answer so far. The finishes are emitted after the event with the last finish reason. They are held for a later usage only
 * where that event has no counts.
 *
 * Metadata beside the content (citations, grounding, ratings) is ignored: the text is whole without it. Parts that are neither
 * text nor call (images, files, code and its results) are forwarded as they came.
 */
export function createContentDialect(options: ContentStreamOptions, output: DialectOutput): Dialect {
  const budget = createAnswerBudget();
  const choices = Array.from({ length: options.choices }, (_, choice) =>
    createChoice(choice, options, budget, output),
  );
  let usage: Usage | undefined;
  let counted = false;

  function readCandidates(candidates: unknown): Failure | undefined {
    if (!Array.isArray(candidates)) return unreadable('candidates that are no list');
    for (const value of candidates) {
      const candidate = asObject(value);
      if (candidate === undefined) return unreadable('a candidate that is no object');
      const choice = choices[asCount(candidate['index'] ?? 0) ?? options.choices];
      if (choice === undefined) return unreadable('a candidate with an index that was not requested');
      const failed = choice.read(candidate);
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  const isComplete = () => choices.every(({ reason }) => reason !== undefined);

  return {
    passesJsonOn: /"args"/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence),
    get state() {
      if (!isComplete()) return 'open';
      return counted ? 'settled' : 'unsettled';
    },
    read(given, data) {
      const event = hasOtherPart(given) ? (asObject(parseJsonExactly(data)) ?? given) : given;
      if (event['error'] !== undefined) {
        output.fail(failureOfEvent(event['error'], options.errors()));
        return;
      }
      const counts = usageOf(event['usageMetadata']);
      usage = counts ?? usage;
      const blocked = asObject(event['promptFeedback'])?.['blockReason'];
      if (typeof blocked === 'string') {
        output.fail(promptBlocked(blocked));
        return;
      }
      const failed = readCandidates(event['candidates'] ?? []);
      if (failed !== undefined) {
        output.fail(failed);
        return;
      }
      // Counts of an earlier event are of a shorter answer: they are used only where no later ones come.
      counted = counts !== undefined && isComplete();
    },
    finish() {
      if (usage !== undefined) output.emit({ type: 'usage', usage });
      for (const choice of choices) choice.finish();
    },
  };
}

interface Choice {
  readonly reason: FinishReason | undefined;
  read(candidate: JsonObject): Failure | undefined;
  finish(): void;
}

function createChoice(
  choice: number,
  { parallelToolCalls, completionId, errors }: ContentStreamOptions,
  budget: AnswerBudget,
  output: DialectOutput,
): Choice {
  const writer = createChoiceWriter({ choice }, output);
  let signature: string | undefined;
  let reason: FinishReason | undefined;

  function readCall(call: Extract<Part, { type: 'call' }>): Failure | undefined {
    if (writer.calls > 0 && !parallelToolCalls) return undefined;
    const tooMuch =
      budget.call() ??
      budget.name(call.name) ??
      budget.arguments(call.args.length, call.args.length) ??
      budget.extra(call.signature?.length ?? 0);
    if (tooMuch !== undefined) return tooMuch;
    writer.startCall({
      id: call.id === '' ? generatedCallId(completionId, choice, writer.calls) : usableCallId(call.id),
      name: call.name,
      ...(call.signature === undefined ? {} : { extra: { google: { thought_signature: call.signature } } }),
    });
    writer.arguments(call.args);
    return undefined;
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

  function readDecodedPart(part: Part): Failure | undefined {
    if (part.type === 'call') return readCall(part) ?? forward(part.other);
    if (part.thought) writer.reasoning(part.text);
    else writer.text(part.text);
    // The signature of a part that is forwarded stays in it.
    const isForwarded = part.text === '' && part.other !== undefined;
    return forward(part.other) ?? (isForwarded ? undefined : keepSignature(part.signature));
  }

  function readPart(part: Part | UnreadableOutput): Failure | undefined {
    // Parts after the finish are dropped, except for the signature of a text.
    if (reason !== undefined) {
      return 'type' in part && part.type === 'text' ? keepSignature(part.signature) : undefined;
    }
    return 'unreadable' in part ? unreadable(part.unreadable) : readDecodedPart(part);
  }

  return {
    get reason() {
      return reason;
    },
    read(candidate) {
      const parts = partsOf(candidate);
      if ('unreadable' in parts) return unreadable(parts.unreadable);
      for (const value of parts) {
        const failed = readPart(decodePart(value));
        if (failed !== undefined) return failed;
      }
      const stop = candidate['finishReason'];
      const isNone = optionalText(stop) === '' || stop === unspecified;
      if (isNone || reason !== undefined) return undefined;
      const { calls } = writer;
      const given = finishReason(stop, calls > 0);
      if (given === undefined) {
        writer.flush();
        return unfinished(`finishReason ${nameOf(stop)} with ${calls} calls`);
      }
      const finished = writer.finish(given);
      if ('tornCall' in finished) return tornArguments(finished.tornCall);
      reason = finished.reason;
      return undefined;
    },
    finish() {
      output.emit({
        type: 'finish',
        choice,
        reason: reason ?? 'stop',
        ...(signature === undefined ? {} : { extra: { google: { thought_signature: signature } } }),
      });
    },
  };
}

/** The value of the enum for an absent finish reason. */
const unspecified = 'FINISH_REASON_UNSPECIFIED';

/**
 * The finish reason for a `FinishReason` of the API reference. Undefined for a reason that is no finish: a call with a mistake
 * (`MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MISSING_THOUGHT_SIGNATURE`),
 * `MALFORMED_RESPONSE`, `LANGUAGE`, `OTHER`, `NO_IMAGE`, `IMAGE_OTHER`, and any reason that is not in this list.
 */
function finishReason(stop: unknown, called: boolean): FinishReason | undefined {
  switch (stop) {
    case 'STOP':
      return 'stop';
    // Google sends STOP; emulators (aimock) send this one. Without a call in the answer, the call was lost.
    case 'FUNCTION_CALL':
      return called ? 'tool_calls' : undefined;
    case 'MAX_TOKENS':
    // The answer is longer than one request may return, as with any `length`.
    case 'CONTINUATION':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
    // The filter of Vertex AI.
    case 'MODEL_ARMOR':
      return 'content_filter';
    default:
      return undefined;
  }
}
