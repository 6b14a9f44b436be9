import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createReasoningSplit, type ReasoningSplit } from '../../domain/reasoning-split.ts';
import { maxSlice, slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import {
  type ChoiceWriter,
  createChoiceWriter,
  type EventOutput,
  type TextCounts,
} from '../choice-writer.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { torn, unfinished } from '../http/answer/answer-failures.ts';
import { finishReasonOf } from '../http/answer/finish-reasons.ts';
import { type AnswerState, HeldFinish } from '../http/answer/held-finish.ts';
import { writeOther } from '../http/answer/other-output.ts';
import { createRepeatedBeginning, type RepeatedBeginning } from '../http/answer/repeated-beginning.ts';
import { type CallPiece, createToolCalls, type ToolCalls } from '../http/answer/tool-calls.ts';
import type { ToolNames } from '../http/answer/tool-names.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { jsonOf } from '../http/unknown-json.ts';
import type { ChunkChoice } from './chunk.ts';
import { SaidInDeltas } from './closing-message.ts';
import type { OutputPiece } from './content.ts';
import { createReasoningDetails, type ReasoningDetails } from './reasoning-details.ts';

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

/** What the choices of one answer share. */
export interface ChoiceOptions {
  /** For the ids of calls that have none. */
  readonly completionId: string;
  /** The upstream's finish reasons besides the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** Its hidden texts are kept out of output that our stream does not name. */
  readonly errors: () => ErrorContext;
  /** The beginning of the answer, which this upstream repeats and the client has already. Absent: it repeats none. */
  readonly echo?: string;
  /**
   * True where the answer continues a prefix, repeated or not. Reasoning comes before the text, so a `<think>` tag after a
   * prefix is text.
   */
  readonly continues?: boolean;
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

/** Creates one choice of an answer, with the budget of the whole answer; `output` takes its events, without the finish. */
export function createChoice(
  choice: number,
  options: ChoiceOptions,
  budget: AnswerBudget,
  output: EventOutput,
): Choice {
  return new ChatChoice(choice, options, budget, output);
}

/**
 * One object, because a choice lives as long as its stream. What most answers do not have (calls, reasoning details) is made
 * with the first piece of it.
 */
class ChatChoice implements Choice {
  spoke = false;
  private readonly choice: number;
  private readonly options: ChoiceOptions;
  private readonly budget: AnswerBudget;
  private readonly writer: ChoiceWriter;
  private readonly finish = new HeldFinish<string>();
  private readonly said = new SaidInDeltas();
  private calls: ToolCalls | undefined;
  private details: ReasoningDetails | undefined;
  private readonly echo: RepeatedBeginning;
  /** Set while it is undecided whether the answer begins with reasoning in tags. */
  private split: ReasoningSplit | undefined;
  /** The counts of the text that the split holds back. */
  private pending: TextCounts | undefined;
  /** What the provider wants back with the message. */
  private extra: JsonObject | undefined;

  constructor(choice: number, options: ChoiceOptions, budget: AnswerBudget, output: EventOutput) {
    this.choice = choice;
    this.options = options;
    this.budget = budget;
    this.writer = createChoiceWriter({ choice }, output);
    const { echo = '', continues = false } = options;
    this.echo = createRepeatedBeginning(echo);
    this.split = continues ? undefined : createReasoningSplit(thinkTags, undefined);
  }

  get state(): AnswerState {
    return this.finish.state;
  }

  get plain(): boolean {
    const { state } = this.finish;
    const keepsState = state === 'open' || state === 'doubtful';
    const holdsNothing = this.split === undefined && this.echo.complete && !this.writer.holding;
    return holdsNothing && keepsState && !this.said.closed;
  }

  add(given: ChunkChoice, tokens?: number): Failure | undefined {
    const delta = this.newIn(given);
    if (delta === undefined) {
      return torn('upstream_cut', 'a message after deltas that does not begin as they did');
    }
    if (!delta.whole && hasOutput(delta)) this.said.delta(delta);
    const before = this.calls?.size ?? 0;
    const wrong =
      this.keepDetails(delta.details) ?? this.keepExtra(delta.extra) ?? this.writeDelta(delta, tokens);
    const hasCalls = delta.calls.length > 0;
    // A call that is said again is no output: neither the finish nor the counts before it change their meaning.
    this.spoke = hasCalls
      ? hasOutput({ ...delta, calls: [] }) || this.calls?.size !== before
      : hasOutput(delta);
    if (this.spoke) this.finish.output();
    if (wrong === undefined && delta.finish !== undefined) this.finish.finish(delta.finish);
    return wrong;
  }

  end(): Failure | ChoiceFinish {
    const { writer, extra } = this;
    const given = this.finish.reason ?? '';
    const mapped = this.reasonOf(given);
    this.endSplit();
    writer.flush();
    if (mapped === undefined) return torn('upstream_cut', `the finish reason ${nameOf(given)}`);
    const wrong = this.calls?.finish(mapped === 'length');
    if (wrong !== undefined) return wrong;
    // A call that the reason names and that has not come was lost, unless the reason stands for the end of a text.
    if (mapped === 'tool_calls' && writer.calls === 0 && !this.said.answers) {
      return unfinished(`the finish reason ${nameOf(given)} without a call`);
    }
    if (!this.echo.complete && mapped !== 'length') {
      return torn('upstream_protocol', 'the answer ended before it had repeated the prefix');
    }
    const ended = writer.finish(mapped === 'tool_calls' && writer.calls === 0 ? 'stop' : mapped);
    if ('tornCall' in ended) return torn('upstream_protocol', 'tool arguments that are no JSON object');
    const kept = this.details?.all() ?? [];
    return {
      reason: ended.reason,
      ...(kept.length === 0 && extra === undefined ? {} : { extra: { ...extra, ...detailsOf(kept) } }),
    };
  }

  private reasonOf(given: string): FinishReason | undefined {
    const { finishReasons } = this.options;
    return Object.hasOwn(finishReasons, given) ? finishReasons[given] : finishReasonOf(given);
  }

  private addCall(piece: CallPiece): Failure | undefined {
    const { budget, writer } = this;
    this.calls ??= createToolCalls({
      makeId: (call) => this.makeId(call),
      budget,
      writer,
      tools: this.options.tools,
    });
    return this.calls.add(piece);
  }

  private makeId(call: number): string {
    return `call_${this.options.completionId.replace(/^[a-z]+[-_]/, '')}_${this.choice}_${call}`;
  }

  /** Writes a piece. A long one becomes several events, and the first of them carries the counts. */
  private write(kind: 'text' | 'reasoning' | 'refusal', piece: string, counts: TextCounts = noCounts): void {
    this.said.wrote(kind, piece);
    if (piece.length <= maxSlice) {
      this.writer[kind](piece, counts);
      return;
    }
    let left = counts;
    for (const slice of slicesOf(piece)) {
      this.writer[kind](slice, left);
      left = counts.tokens === undefined ? noCounts : { tokens: 0 };
    }
  }

  /** Writes text that may begin with reasoning in tags. No event has a place for the log probabilities of reasoning. */
  private writeSplit(splitter: ReasoningSplit, piece: string, counts: TextCounts): void {
    const parts = splitter.push(piece);
    const all = sumOf(this.pending, counts);
    const both = parts.reasoning !== '' && parts.text !== '';
    if (parts.reasoning !== '') this.write('reasoning', parts.reasoning, tokensOf(both ? this.pending : all));
    if (parts.text !== '') this.write('text', parts.text, both ? counts : all);
    this.pending = parts.reasoning !== '' || parts.text !== '' ? undefined : all;
    if ((this.pending?.logprobs?.length ?? 0) > maxPendingLogprobs) {
      this.endSplit();
      return;
    }
    if (splitter.phase() !== 'opening' && this.pending !== undefined) this.pending = tokensOf(this.pending);
    if (splitter.done()) this.split = undefined;
  }

  /**
   * Ends the split and writes the text that it holds, because other output or the end has come. `beforeReasoning`: the other
   * output is reasoning.
   */
  private endSplit(beforeReasoning = false): void {
    const parts = this.split?.flush();
    this.split = undefined;
    if (parts === undefined) return;
    if (parts.reasoning !== '') this.write('reasoning', parts.reasoning, tokensOf(this.pending));
    // White space before reasoning is neither text nor reasoning.
    const isBlank = beforeReasoning && parts.text.trim() === '';
    if (!isBlank) this.write('text', parts.text, this.pending);
    this.pending = undefined;
  }

  private readText(delta: ChunkChoice, tokens: number | undefined): Failure | undefined {
    const piece = this.echo.take(delta.text);
    if (piece === undefined) return torn('upstream_protocol', 'the answer does not repeat the prefix');
    const counts = countsOf(delta, tokens);
    if (this.split === undefined) this.write('text', piece, counts);
    else this.writeSplit(this.split, piece, counts);
    return undefined;
  }

  /** Writes what follows the text of an event. Other output does not end the split: `<think>` after it still opens the text. */
  private writePiece(piece: OutputPiece): Failure | undefined {
    const { writer, budget } = this;
    if (piece.kind === 'other') {
      this.said.wroteField(piece.field);
      return writeOther(piece, { writer, budget, hidden: this.options.errors().hidden });
    }
    if (this.split !== undefined) this.endSplit(piece.kind === 'reasoning');
    const text = piece.kind === 'text' ? this.echo.take(piece.text) : piece.text;
    if (text === undefined) return torn('upstream_protocol', 'the answer does not repeat the prefix');
    this.write(piece.kind, text);
    return undefined;
  }

  /** What a delta says for the first time: a message after deltas repeats them. Undefined where it may be new output. */
  private newIn(delta: ChunkChoice): ChunkChoice | undefined {
    if (!this.said.isClosedBy(delta)) return delta;
    this.endSplit();
    return this.said.restOf(delta, (this.calls?.size ?? 0) > 0);
  }

  private keepDetails(pieces: readonly JsonObject[]): Failure | undefined {
    if (pieces.length === 0) return undefined;
    this.details ??= createReasoningDetails(this.budget);
    return this.details.add(pieces);
  }

  private keepExtra(given: JsonObject | undefined): Failure | undefined {
    if (given === undefined) return undefined;
    this.extra = { ...this.extra, ...given };
    return this.budget.extra(jsonOf(given)?.length ?? 0);
  }

  private writeDelta(delta: ChunkChoice, tokens: number | undefined): Failure | undefined {
    // An upstream with a field for reasoning does not put it into tags.
    if (this.split !== undefined && delta.reasoning !== '') this.endSplit(true);
    if (delta.reasoning !== '') this.write('reasoning', delta.reasoning);
    if (delta.text !== '' || delta.logprobs !== undefined) {
      const wrong = this.readText(delta, hasOutputBesideText(delta) ? undefined : tokens);
      if (wrong !== undefined) return wrong;
    }
    if (this.split !== undefined && (delta.refusal !== '' || delta.calls.length > 0)) this.endSplit();
    for (const piece of delta.others ?? noPieces) {
      const wrong = this.writePiece(piece);
      if (wrong !== undefined) return wrong;
    }
    if (delta.refusal !== '') this.write('refusal', delta.refusal);
    for (const piece of delta.calls) {
      const wrong = this.addCall(piece);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
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
