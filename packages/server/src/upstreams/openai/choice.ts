import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createReasoningSplit, type ReasoningSplit } from '../../domain/reasoning-split.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter, type TextCounts } from '../choice-writer.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import type { ChunkChoice } from './chunk.ts';
import { createReasoningDetails } from './reasoning-details.ts';
import { createToolCalls } from './tool-calls.ts';

const commonReasons = new Map<string, FinishReason>(
  Object.entries({
    stop: 'stop',
    length: 'length',
    tool_calls: 'tool_calls',
    content_filter: 'content_filter',
    // Which servers and engines say so, whoever stands in front of them (contract, section 7).
    eos: 'stop',
    eos_token: 'stop',
    stop_sequence: 'stop',
    end_turn: 'stop',
    model_length: 'length',
    max_tokens: 'length',
  } as const),
);

export interface Choice {
  /**
   * Emits the deltas of a chunk. After the finish everything is dropped. `tokens`: how many tokens the chunk
   * is, where it tells. Returns why the answer is torn here, or undefined.
   */
  add(chunk: ChunkChoice, tokens?: number): Failure | undefined;
  /** Set by the chunk that finished it; deltas are all emitted by then. */
  readonly finished: { readonly reason: FinishReason; readonly extra?: JsonObject } | undefined;
  /** Nothing is held back and nothing has ended: a plain delta may be emitted from outside. */
  readonly plain: boolean;
}

export interface ChoiceOptions {
  readonly choice: number;
  /** For the ids of calls that came without. */
  readonly idBase: string;
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** The beginning of the answer that this upstream says once more, and that must not be said twice. */
  readonly echo?: string;
  /** The beginning of the answer was delivered before: a tag that comes now is text. */
  readonly continues?: boolean;
  /** Of the answer as a whole. */
  readonly budget: AnswerBudget;
}

/** Other tags are a template's own, and whoever runs the template tells the thoughts apart itself. */
const thinkTags = [{ open: '<think>', close: '</think>' }];

/** Entries that wait for the decision whether text is thoughts; where so many say nothing of it, it is none. */
const maxHeldLogprobs = 256;

export function createChoice(options: ChoiceOptions, emit: (event: StreamEvent) => void): Choice {
  const { choice, budget, continues = false } = options;
  const writer = createChoiceWriter({ choice, textBegun: continues }, emit);
  const calls = createToolCalls({ choice, idBase: options.idBase, budget, writer });
  const ownReasons = new Map(Object.entries(options.finishReasons));
  const details = createReasoningDetails(budget);
  let echoLeft = options.echo ?? '';
  let finished: Choice['finished'];
  /** Set until it is decided whether the answer begins with thoughts in tags. */
  let split: ReasoningSplit | undefined = continues ? undefined : createReasoningSplit(thinkTags, undefined);
  /** The counts of text that the split holds. */
  let heldCounts: TextCounts | undefined;

  /** Text that comes whole becomes several events, and the first of them has the counts. */
  function write(kind: 'text' | 'reasoning' | 'refusal', text: string, counts: TextCounts = {}): void {
    if (text.length <= maxSlice) {
      writer[kind](text, counts);
      return;
    }
    let left = counts;
    for (const slice of slicesOf(text)) {
      writer[kind](slice, left);
      left = counts.tokens === undefined ? {} : { tokens: 0 };
    }
  }

  /** Writes text of which some may be thoughts. No field is for the log probabilities of thoughts: they are left out. */
  function writeSplit(splitter: ReasoningSplit, text: string, counts: TextCounts): void {
    const parts = splitter.push(text);
    const all = joined(heldCounts, counts);
    const both = parts.reasoning !== '' && parts.text !== '';
    if (parts.reasoning !== '') write('reasoning', parts.reasoning, tokensOnly(both ? heldCounts : all));
    if (parts.text !== '') write('text', parts.text, both ? counts : all);
    heldCounts = parts.reasoning !== '' || parts.text !== '' ? undefined : all;
    if ((heldCounts?.logprobs?.length ?? 0) > maxHeldLogprobs) {
      endSplit();
      return;
    }
    if (splitter.phase() !== 'opening' && heldCounts !== undefined) heldCounts = tokensOnly(heldCounts);
    if (splitter.done()) split = undefined;
  }

  /** What the split holds cannot be decided any more: other output has come, or the finish. */
  function endSplit(beforeReasoning = false): void {
    const parts = split?.flush();
    split = undefined;
    if (parts === undefined) return;
    if (parts.reasoning !== '') write('reasoning', parts.reasoning, tokensOnly(heldCounts));
    // White space in front of thoughts belongs to neither side.
    const isNothing = beforeReasoning && parts.text.trim() === '';
    if (!isNothing) write('text', parts.text, heldCounts);
    heldCounts = undefined;
  }

  function readText(chunk: ChunkChoice, tokens: number | undefined): Failure | undefined {
    let { text } = chunk;
    if (echoLeft !== '' && text !== '') {
      const echoed = Math.min(echoLeft.length, text.length);
      if (text.slice(0, echoed) !== echoLeft.slice(0, echoed)) {
        return torn('upstream_protocol', 'the answer does not begin as it was told to');
      }
      echoLeft = echoLeft.slice(echoed);
      text = text.slice(echoed);
    }
    const counts = countsOf(chunk, tokens);
    if (split === undefined) write('text', text, counts);
    else writeSplit(split, text, counts);
    return undefined;
  }

  function finish(given: string): Failure | undefined {
    const mapped = ownReasons.get(given) ?? commonReasons.get(given);
    if (mapped === undefined) return torn('upstream_cut', `the finish reason ${nameOf(given)}`);
    endSplit();
    writer.flush();
    const wrong = calls.finish(mapped === 'length');
    if (wrong !== undefined) return wrong;
    if (echoLeft !== '' && mapped !== 'length') {
      return torn('upstream_protocol', 'the answer ended inside the beginning it was given');
    }
    const ended = writer.finish(mapped === 'tool_calls' && writer.calls === 0 ? 'stop' : mapped);
    if ('tornCall' in ended) return torn('upstream_protocol', 'tool arguments that are not JSON');
    const kept = details.all();
    finished = {
      reason: ended.reason,
      ...(kept.length === 0 ? {} : { extra: { openrouter: { reasoning_details: kept } } }),
    };
    return undefined;
  }

  return {
    add(chunk, tokens) {
      if (finished !== undefined) return undefined;
      const tooMuch = details.add(chunk.details);
      if (tooMuch !== undefined) return tooMuch;
      const hasOtherOutput = chunk.reasoning !== '' || chunk.refusal !== '' || chunk.calls.length > 0;
      // An upstream with a field for its thoughts has no tags around them.
      if (split !== undefined && chunk.reasoning !== '') endSplit(true);
      if (chunk.reasoning !== '') write('reasoning', chunk.reasoning);
      if (chunk.text !== '' || chunk.logprobs !== undefined) {
        const wrong = readText(chunk, hasOtherOutput ? undefined : tokens);
        if (wrong !== undefined) return wrong;
      }
      if (split !== undefined && hasOtherOutput) endSplit();
      if (chunk.refusal !== '') write('refusal', chunk.refusal);
      for (const piece of chunk.calls) {
        const wrong = calls.add(piece);
        if (wrong !== undefined) return wrong;
      }
      return chunk.finish === undefined ? undefined : finish(chunk.finish);
    },
    get finished() {
      return finished;
    },
    get plain() {
      return split === undefined && finished === undefined && echoLeft === '' && !writer.holding;
    },
  };
}

/** `why` is for the log. */
function torn(code: 'upstream_protocol' | 'upstream_cut', why: string): Failure {
  return failure(code, 'The upstream broke off its answer.', { detail: why });
}

const noCounts: TextCounts = {};

function countsOf({ logprobs }: ChunkChoice, counted: number | undefined): TextCounts {
  const tokens = counted ?? logprobs?.length;
  if (tokens === undefined) return noCounts;
  return logprobs === undefined ? { tokens } : { tokens, logprobs };
}

function joined(first: TextCounts | undefined, second: TextCounts): TextCounts {
  if (first === undefined) return second;
  const logprobs = [...(first.logprobs ?? []), ...(second.logprobs ?? [])];
  const tokens = (first.tokens ?? 1) + (second.tokens ?? 1);
  return { tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
}

function tokensOnly(counts: TextCounts | undefined): TextCounts {
  return counts?.tokens === undefined ? noCounts : { tokens: counts.tokens };
}
