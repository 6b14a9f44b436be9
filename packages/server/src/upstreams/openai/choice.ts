import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createReasoningSplit, type ReasoningSplit } from '../../domain/reasoning-split.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter, type TextCounts } from '../choice-writer.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { torn, unfinished } from '../http/answer/answer-failures.ts';
import { finishReasonOf } from '../http/answer/finish-reasons.ts';
import { type AnswerState, HeldFinish } from '../http/answer/held-finish.ts';
import { writeOther } from '../http/answer/other-output.ts';
import { createRepeatedBeginning } from '../http/answer/repeated-beginning.ts';
import { type CallPiece, createToolCalls, type ToolCalls } from '../http/answer/tool-calls.ts';
import type { ToolNames } from '../http/answer/tool-names.ts';
import { jsonOf } from '../http/unknown-json.ts';
import type { ChunkChoice } from './chunk.ts';
import { SaidInDeltas } from './closing-message.ts';
import type { OutputPiece } from './content.ts';
import { createReasoningDetails } from './reasoning-details.ts';

/** Turns the deltas of one choice into events. */
export interface Choice {
  /**
   * Emits the events for one delta and keeps its finish reason. `tokens`: the number of tokens of the chunk, where the chunk
   * reports it. Returns the failure where the answer is torn here.
   */
  add(delta: ChunkChoice, tokens?: number): Failure | undefined;
  /** How certain the finish is. */
  readonly state: AnswerState;
  /** Ends the choice: emits what it holds back, and returns its finish or the failure. Called once, with a finish reason. */
  end(): Failure | ChoiceFinish;
  /** Whether the last delta had output that is no repetition. */
  readonly spoke: boolean;
  /** True where the choice holds nothing back, and a text delta does not change its state: the fast path may emit it. */
  readonly plain: boolean;
}

/** The finish of one choice. */
export interface ChoiceFinish {
  readonly reason: FinishReason;
  readonly extra?: JsonObject;
}

/** Whether a delta has output. */
export function hasOutput(delta: ChunkChoice): boolean {
  return delta.text !== '' || delta.logprobs !== undefined || hasOutputBesideText(delta);
}

function hasOutputBesideText({ reasoning, refusal, calls, others }: ChunkChoice): boolean {
  if (reasoning !== '' || refusal !== '' || others !== undefined) return true;
  // An id alone says nothing: some upstreams send an empty piece of a call with the finish, or after it.
  return calls.some((call) => call.name !== undefined || call.arguments !== undefined);
}

/** What a choice needs. */
export interface ChoiceOptions {
  readonly choice: number;
  /** For the ids of calls that have none. */
  readonly idBase: string;
  /** The upstream's finish reasons besides the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** The beginning of the answer, which this upstream repeats and the client has already. Absent: it repeats none. */
  readonly echo?: string;
  /** True where the answer continues a prefix. Reasoning comes before the text, so a `<think>` tag after a prefix is text. */
  readonly continues?: boolean;
  /** The budget of the whole answer. */
  readonly budget: AnswerBudget;
  /** Texts that no client may see. */
  readonly hidden: () => readonly string[];
  /** The tools of the request. */
  readonly tools?: ToolNames | undefined;
}

/** Other tags belong to templates whose servers separate the reasoning themselves. */
const thinkTags = [{ open: '<think>', close: '</think>' }];

/**
 * The maximum number of log probabilities that are held while it is not known whether a text is reasoning. Beyond it the held
 * text is emitted as text.
 */
const maxPendingLogprobs = 256;

/** Creates one choice of an answer; `emit` takes its events, without the finish. */
export function createChoice(options: ChoiceOptions, emit: (event: StreamEvent) => void): Choice {
  const { choice, idBase, budget, hidden, continues = false } = options;
  const writer = createChoiceWriter({ choice }, { emit });
  /** Made with the first call: most answers have none, and it takes memory for the length of the stream. */
  let calls: ToolCalls | undefined;
  let spoke = false;
  const ownReasons = new Map(Object.entries(options.finishReasons));
  const details = createReasoningDetails(budget);
  const echo = createRepeatedBeginning(options.echo ?? '');
  const finish = new HeldFinish<string>();
  const said = new SaidInDeltas();
  /** Set while it is undecided whether the answer begins with reasoning in tags. */
  let split: ReasoningSplit | undefined = continues ? undefined : createReasoningSplit(thinkTags, undefined);
  /** The counts of the text that the split holds back. */
  let pending: TextCounts | undefined;
  /** What the provider wants back with the message. */
  let extra: JsonObject | undefined;

  function addCall(piece: CallPiece): Failure | undefined {
    const makeId = (call: number) => `call_${idBase}_${choice}_${call}`;
    calls ??= createToolCalls({ makeId, budget, writer, tools: options.tools });
    return calls.add(piece);
  }

  /** Writes a piece. A long one becomes several events, and the first of them carries the counts. */
  function write(kind: 'text' | 'reasoning' | 'refusal', piece: string, counts: TextCounts = noCounts): void {
    said.wrote(kind, piece);
    if (piece.length <= maxSlice) {
      writer[kind](piece, counts);
      return;
    }
    let left = counts;
    for (const slice of slicesOf(piece)) {
      writer[kind](slice, left);
      left = counts.tokens === undefined ? noCounts : { tokens: 0 };
    }
  }

  /** Writes text that may begin with reasoning in tags. No event has a place for the log probabilities of reasoning. */
  function writeSplit(splitter: ReasoningSplit, piece: string, counts: TextCounts): void {
    const parts = splitter.push(piece);
    const all = sumOf(pending, counts);
    const both = parts.reasoning !== '' && parts.text !== '';
    if (parts.reasoning !== '') write('reasoning', parts.reasoning, tokensOf(both ? pending : all));
    if (parts.text !== '') write('text', parts.text, both ? counts : all);
    pending = parts.reasoning !== '' || parts.text !== '' ? undefined : all;
    if ((pending?.logprobs?.length ?? 0) > maxPendingLogprobs) {
      endSplit();
      return;
    }
    if (splitter.phase() !== 'opening' && pending !== undefined) pending = tokensOf(pending);
    if (splitter.done()) split = undefined;
  }

  /**
   * Ends the split and writes the text that it holds, because other output or the end has come. `beforeReasoning`: the other
   * output is reasoning.
   */
  function endSplit(beforeReasoning = false): void {
    const parts = split?.flush();
    split = undefined;
    if (parts === undefined) return;
    if (parts.reasoning !== '') write('reasoning', parts.reasoning, tokensOf(pending));
    // White space before reasoning is neither text nor reasoning.
    const isBlank = beforeReasoning && parts.text.trim() === '';
    if (!isBlank) write('text', parts.text, pending);
    pending = undefined;
  }

  function readText(delta: ChunkChoice, tokens: number | undefined): Failure | undefined {
    const piece = echo.take(delta.text);
    if (piece === undefined) return torn('upstream_protocol', 'the answer does not repeat the prefix');
    const counts = countsOf(delta, tokens);
    if (split === undefined) write('text', piece, counts);
    else writeSplit(split, piece, counts);
    return undefined;
  }

  /** Writes what follows the text of an event. Other output does not end the split: `<think>` after it still opens the text. */
  function writePiece(piece: OutputPiece): Failure | undefined {
    if (piece.kind === 'other') {
      said.wroteField(piece.field);
      return writeOther(piece, { writer, budget, hidden: hidden() });
    }
    if (split !== undefined) endSplit(piece.kind === 'reasoning');
    const text = piece.kind === 'text' ? echo.take(piece.text) : piece.text;
    if (text === undefined) return torn('upstream_protocol', 'the answer does not repeat the prefix');
    write(piece.kind, text);
    return undefined;
  }

  /** What a delta says for the first time: a message after deltas repeats them. Undefined where it may be new output. */
  function newIn(delta: ChunkChoice): ChunkChoice | undefined {
    if (!said.isClosedBy(delta)) return delta;
    endSplit();
    return said.restOf(delta, (calls?.size ?? 0) > 0);
  }

  function keepExtra(given: JsonObject | undefined): Failure | undefined {
    if (given === undefined) return undefined;
    extra = { ...extra, ...given };
    return budget.extra(jsonOf(given)?.length ?? 0);
  }

  function end(): Failure | ChoiceFinish {
    const given = finish.reason ?? '';
    const mapped = ownReasons.get(given) ?? finishReasonOf(given);
    endSplit();
    writer.flush();
    if (mapped === undefined) return torn('upstream_cut', `the finish reason ${nameOf(given)}`);
    const wrong = calls?.finish(mapped === 'length');
    if (wrong !== undefined) return wrong;
    // A call that the reason names and that has not come was lost, unless the reason stands for the end of a text.
    if (mapped === 'tool_calls' && writer.calls === 0 && !said.answers) {
      return unfinished(`the finish reason ${nameOf(given)} without a call`);
    }
    if (!echo.complete && mapped !== 'length') {
      return torn('upstream_protocol', 'the answer ended before it had repeated the prefix');
    }
    const ended = writer.finish(mapped === 'tool_calls' && writer.calls === 0 ? 'stop' : mapped);
    if ('tornCall' in ended) return torn('upstream_protocol', 'tool arguments that are no JSON object');
    const kept = details.all();
    return {
      reason: ended.reason,
      ...(kept.length === 0 && extra === undefined ? {} : { extra: { ...extra, ...detailsOf(kept) } }),
    };
  }

  function writeDelta(delta: ChunkChoice, tokens: number | undefined): Failure | undefined {
    // An upstream with a field for reasoning does not put it into tags.
    if (split !== undefined && delta.reasoning !== '') endSplit(true);
    if (delta.reasoning !== '') write('reasoning', delta.reasoning);
    if (delta.text !== '' || delta.logprobs !== undefined) {
      const wrong = readText(delta, hasOutputBesideText(delta) ? undefined : tokens);
      if (wrong !== undefined) return wrong;
    }
    if (split !== undefined && (delta.refusal !== '' || delta.calls.length > 0)) endSplit();
    for (const piece of delta.others ?? noPieces) {
      const wrong = writePiece(piece);
      if (wrong !== undefined) return wrong;
    }
    if (delta.refusal !== '') write('refusal', delta.refusal);
    for (const piece of delta.calls) {
      const wrong = addCall(piece);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  return {
    add(given, tokens) {
      const delta = newIn(given);
      if (delta === undefined) {
        return torn('upstream_cut', 'a message after deltas that does not begin as they did');
      }
      if (!delta.whole && hasOutput(delta)) said.delta(delta);
      const before = calls?.size ?? 0;
      const wrong = details.add(delta.details) ?? keepExtra(delta.extra) ?? writeDelta(delta, tokens);
      const hasCalls = delta.calls.length > 0;
      // A call that is said again is no output: neither the finish nor the counts before it change their meaning.
      spoke = hasCalls ? hasOutput({ ...delta, calls: [] }) || calls?.size !== before : hasOutput(delta);
      if (spoke) finish.output();
      if (wrong === undefined && delta.finish !== undefined) finish.finish(delta.finish);
      return wrong;
    },
    get spoke() {
      return spoke;
    },
    get state() {
      return finish.state;
    },
    end,
    get plain() {
      const { state } = finish;
      const keepsState = state === 'open' || state === 'doubtful';
      return split === undefined && keepsState && echo.complete && !writer.holding && !said.closed;
    },
  };
}

const noCounts: TextCounts = {};
const noPieces: readonly OutputPiece[] = [];

/** OpenRouter's details as the next turn sends them back. */
function detailsOf(kept: readonly JsonObject[]): JsonObject {
  return kept.length === 0 ? {} : { openrouter: { reasoning_details: kept } };
}

function countsOf({ logprobs }: ChunkChoice, counted: number | undefined): TextCounts {
  const tokens = counted ?? logprobs?.length;
  if (tokens === undefined) return noCounts;
  return logprobs === undefined ? { tokens } : { tokens, logprobs };
}

function sumOf(first: TextCounts | undefined, second: TextCounts): TextCounts {
  if (first === undefined) return second;
  const logprobs = [...(first.logprobs ?? []), ...(second.logprobs ?? [])];
  const tokens = (first.tokens ?? 1) + (second.tokens ?? 1);
  return { tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
}

/** The counts without log probabilities. */
function tokensOf(counts: TextCounts | undefined): TextCounts {
  return counts?.tokens === undefined ? noCounts : { tokens: counts.tokens };
}
