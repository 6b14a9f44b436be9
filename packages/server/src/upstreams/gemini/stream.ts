import { type FinishReason, jsonText } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { createPairHold } from '../../domain/pair-hold.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Dialect, Say } from '../shared/translation.ts';
import { asCount, asList, asRecord, asText } from '../shared/unknown-json.ts';
import { failureOfEvent, promptBlocked } from './errors.ts';

export interface ContentStreamOptions {
  readonly choices: number;
  /** False: the first call of a choice is all the client wants; later ones are left out. */
  readonly parallelToolCalls: boolean;
  /** For ids of calls that come without one. */
  readonly completionId: string;
  /** Never shown to a client. */
  readonly hidden: readonly string[];
}

/** Events that cannot be read but show output: the names of its fields. */
export const contentOutput = /"(?:parts|text|functionCall)"/;

/**
 * Reads the stream of `streamGenerateContent?alt=sse` (ai.google.dev/api/generate-content): each event is a
 * `GenerateContentResponse` whose candidates carry the next parts of their content.
 *
 * Calls come whole, in one part. The finish reason rides on the last parts, and the counts, which grow with
 * every event, stand beside it: the finishes wait for the end of that event, and for counts only where it has
 * none.
 */
export function createContentDialect(options: ContentStreamOptions): Dialect {
  const choices = Array.from({ length: options.choices }, (_, choice) => createChoice(choice, options));
  let usage: Usage | undefined;
  let counted = false;

  const isComplete = () => choices.every(({ reason }) => reason !== undefined);

  return {
    get state() {
      if (!isComplete()) return 'open';
      return counted ? 'settled' : 'unsettled';
    },
    read(event, say) {
      if (event['error'] !== undefined) {
        say({ type: 'failed', failure: failureOfEvent(event['error'], options.hidden) });
        return;
      }
      const counts = usageOf(event['usageMetadata']);
      usage = counts ?? usage;
      const blocked = asRecord(event['promptFeedback'])?.['blockReason'];
      if (typeof blocked === 'string') {
        say({ type: 'failed', failure: promptBlocked(blocked) });
        return;
      }
      for (const value of asList(event['candidates'])) {
        const candidate = asRecord(value);
        if (candidate === undefined) continue;
        const failed = choices[asCount(candidate['index']) ?? 0]?.read(candidate, say);
        if (failed === undefined) continue;
        say({ type: 'failed', failure: failed });
        return;
      }
      // Counts that came before are of a shorter answer: they serve where no better ones come.
      counted = counts !== undefined && isComplete();
    },
    finish(say) {
      if (usage !== undefined) say({ type: 'usage', usage });
      for (const choice of choices) choice.finish(say);
    },
  };
}

interface Choice {
  readonly reason: FinishReason | undefined;
  read(candidate: Readonly<Record<string, unknown>>, say: Say): Failure | undefined;
  finish(say: Say): void;
}

function createChoice(choice: number, { parallelToolCalls, completionId }: ContentStreamOptions): Choice {
  const texts = createPairHold();
  const thoughts = createPairHold();
  let spoken = false;
  let calls = 0;
  let signature: string | undefined;
  let reason: FinishReason | undefined;

  function sayText(say: Say, text: string): void {
    if (text === '') return;
    spoken = true;
    say({ type: 'text-delta', choice, json: jsonText(text) });
  }

  /** Reasoning comes before the text (contract, section 3): later thoughts are counted, and not shown. */
  function sayThought(say: Say, text: string): void {
    if (text !== '' && !spoken) say({ type: 'reasoning-delta', choice, json: jsonText(text) });
  }

  function call(
    value: Readonly<Record<string, unknown>>,
    signed: string | undefined,
    say: Say,
  ): Failure | undefined {
    const name = asText(value['name']);
    if (name === '') return failure('upstream_protocol', 'The upstream called a tool without a name.');
    if (calls > 0 && !parallelToolCalls) return undefined;
    const index = calls;
    calls += 1;
    say({
      type: 'tool-call-start',
      choice,
      index,
      id: asText(value['id']) || `call_${completionId.slice(-20)}_${choice}_${index}`,
      name,
      ...(signed === undefined ? {} : { extra: { google: { thought_signature: signed } } }),
    });
    say({
      type: 'tool-call-delta',
      choice,
      index,
      json: jsonText(JSON.stringify(asRecord(value['args']) ?? {})),
    });
    return undefined;
  }

  function part(value: Readonly<Record<string, unknown>>, say: Say): Failure | undefined {
    const signed = asText(value['thoughtSignature']) || undefined;
    const called = asRecord(value['functionCall']);
    if (called !== undefined) return call(called, signed, say);
    // One on a text, or on an empty text at the very end, belongs to the message.
    signature = signed ?? signature;
    const text = asText(value['text']);
    if (value['thought'] === true) sayThought(say, thoughts.take(text));
    else sayText(say, texts.take(text));
    return undefined;
  }

  return {
    get reason() {
      return reason;
    },
    read(candidate, say) {
      // Parts behind the finish are dropped; a signature may still come.
      for (const value of asList(asRecord(candidate['content'])?.['parts'])) {
        const content = asRecord(value);
        if (content === undefined) continue;
        if (reason !== undefined) {
          signature = asText(content['thoughtSignature']) || signature;
          continue;
        }
        const failed = part(content, say);
        if (failed !== undefined) return failed;
      }
      const stop = candidate['finishReason'];
      if (typeof stop !== 'string' || reason !== undefined) return undefined;
      sayThought(say, thoughts.flush());
      sayText(say, texts.flush());
      reason = finishReason(stop, calls > 0);
      if (reason !== undefined) return undefined;
      const message = 'The upstream stopped without having finished its answer.';
      return failure('upstream_cut', message, { detail: `finishReason ${stop}` });
    },
    finish(say) {
      say({
        type: 'finish',
        choice,
        reason: reason ?? 'stop',
        ...(signature === undefined ? {} : { extra: { google: { thought_signature: signature } } }),
      });
    },
  };
}

/**
 * `FinishReason` of the API reference. Undefined for what is no finish: a call the model got wrong
 * (`MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`), `MALFORMED_RESPONSE`, `LANGUAGE`,
 * `OTHER`, and what is newer than this list.
 */
function finishReason(stop: string, called: boolean): FinishReason | undefined {
  switch (stop) {
    case 'STOP':
      return called ? 'tool_calls' : 'stop';
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
      return 'content_filter';
    default:
      return undefined;
  }
}

/** Thoughts are counted beside the answer, and billed as output; cached tokens are part of the prompt. */
function usageOf(value: unknown): Usage | undefined {
  const counts = asRecord(value);
  const prompt = asCount(counts?.['promptTokenCount']);
  if (counts === undefined || prompt === undefined) return undefined;
  const thought = asCount(counts['thoughtsTokenCount']);
  const cached = asCount(counts['cachedContentTokenCount']);
  return {
    promptTokens: prompt + (asCount(counts['toolUsePromptTokenCount']) ?? 0),
    completionTokens: (asCount(counts['candidatesTokenCount']) ?? 0) + (thought ?? 0),
    ...(cached === undefined || cached > prompt ? {} : { cachedTokens: cached }),
    ...(thought === undefined ? {} : { reasoningTokens: thought }),
  };
}
