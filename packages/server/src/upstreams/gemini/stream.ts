import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { madeCallId } from '../../domain/made-call-id.ts';
import type { Usage } from '../../domain/usage.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { type AnswerBudget, createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import { type Odd, tornArguments, unreadable } from '../http/answer/answer-failures.ts';
import type { Dialect, DialectOutput } from '../http/answer/dialect.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { asCount, asRecord, textOrNone } from '../http/unknown-json.ts';
import { failureOfEvent, promptBlocked } from './errors.ts';
import { decodePart, type Part, partsOf } from './parts.ts';
import { usageOf } from './usage.ts';

export interface ContentStreamOptions {
  readonly choices: number;
  /** False: the first call of a choice is all the client wants; later ones are left out. */
  readonly parallelToolCalls: boolean;
  /** For ids of calls that come without one. */
  readonly completionId: string;
  readonly errors: () => ErrorContext;
}

/** Fields that carry output. */
const carriesOutput = /"(?:parts|text|functionCall)"/;

/**
 * Reads the stream of `streamGenerateContent?alt=sse` (ai.google.dev/api/generate-content): each event is a
 * `GenerateContentResponse` whose candidates carry the next parts of their content.
 *
 * Calls come whole, in one part. The finish reason rides on the last parts, and the counts, which grow with
 * every event, stand beside it: the finishes wait for the end of that event, and for counts only where it has
 * none.
 *
 * Metadata beside the content (citations, grounding, ratings) is passed over: the text is whole without it. Content
 * of a kind that has no place in our stream is a cut.
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
      const candidate = asRecord(value);
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
    handedOn: /"args"/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence),
    get state() {
      if (!isComplete()) return 'open';
      return counted ? 'settled' : 'unsettled';
    },
    read(event) {
      if (event['error'] !== undefined) {
        output.fail(failureOfEvent(event['error'], options.errors()));
        return;
      }
      const counts = usageOf(event['usageMetadata']);
      usage = counts ?? usage;
      const blocked = asRecord(event['promptFeedback'])?.['blockReason'];
      if (typeof blocked === 'string') {
        output.fail(promptBlocked(blocked));
        return;
      }
      const failed = readCandidates(event['candidates'] ?? []);
      if (failed !== undefined) {
        output.fail(failed);
        return;
      }
      // Counts that came before are of a shorter answer: they serve where no better ones come.
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
  read(candidate: Readonly<Record<string, unknown>>): Failure | undefined;
  finish(): void;
}

function createChoice(
  choice: number,
  { parallelToolCalls, completionId }: ContentStreamOptions,
  budget: AnswerBudget,
  output: DialectOutput,
): Choice {
  const writer = createChoiceWriter({ choice }, (event) => output.emit(event));
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
      id: call.id === '' ? madeCallId(completionId, choice, writer.calls) : usableCallId(call.id),
      name: call.name,
      ...(call.signature === undefined ? {} : { extra: { google: { thought_signature: call.signature } } }),
    });
    writer.arguments(call.args);
    return undefined;
  }

  /** One on a text, or on an empty text at the very end, belongs to the message; the last one counts. */
  function sign(by: string | undefined): Failure | undefined {
    if (by === undefined) return undefined;
    const tooMuch = budget.extra(by.length - (signature?.length ?? 0));
    signature = by;
    return tooMuch;
  }

  function readPart(part: Part): Failure | undefined {
    if (part.type === 'call') return readCall(part);
    if (part.thought) writer.reasoning(part.text);
    else writer.text(part.text);
    return sign(part.signature);
  }

  /** After the finish parts are dropped, but for a signature. */
  function readPartBehind(part: Part | Odd): Failure | undefined {
    return 'type' in part && part.type === 'text' ? sign(part.signature) : undefined;
  }

  function readAnyPart(part: Part | Odd): Failure | undefined {
    if (reason !== undefined) return readPartBehind(part);
    return 'odd' in part ? unreadable(part.odd) : readPart(part);
  }

  return {
    get reason() {
      return reason;
    },
    read(candidate) {
      const parts = partsOf(candidate);
      if ('odd' in parts) return unreadable(parts.odd);
      for (const value of parts) {
        const failed = readAnyPart(decodePart(value));
        if (failed !== undefined) return failed;
      }
      const stop = candidate['finishReason'];
      const isNone = textOrNone(stop) === '' || stop === unspecified;
      if (isNone || reason !== undefined) return undefined;
      const { calls } = writer;
      const given = finishReason(stop, calls > 0);
      if (given === undefined) {
        writer.flush();
        return failure('upstream_cut', 'The upstream stopped without having finished its answer.', {
          detail: `finishReason ${nameOf(stop)} with ${calls} calls`,
        });
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

/** The enum's value for none. */
const unspecified = 'FINISH_REASON_UNSPECIFIED';

/**
 * `FinishReason` of the API reference. Undefined for what is no finish: a call the model got wrong
 * (`MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MISSING_THOUGHT_SIGNATURE`),
 * `MALFORMED_RESPONSE`, `LANGUAGE`, `OTHER`, `NO_IMAGE`, `IMAGE_OTHER`, and what is newer than this list.
 */
function finishReason(stop: unknown, called: boolean): FinishReason | undefined {
  switch (stop) {
    case 'STOP':
      return 'stop';
    // Google's own says STOP; emulators (aimock) have this one. Without a call it was lost on the way.
    case 'FUNCTION_CALL':
      return called ? 'tool_calls' : undefined;
    case 'MAX_TOKENS':
    // One request's share of a longer answer is used up: there is more, as after any `length`.
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
    // Vertex AI's name for its own filter.
    case 'MODEL_ARMOR':
      return 'content_filter';
    default:
      return undefined;
  }
}
