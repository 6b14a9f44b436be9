import type { Failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { EventOutput } from '../choice-writer.ts';
import { createAnswerBudget } from '../http/answer/answer-budget.ts';
import { torn, unreadable } from '../http/answer/answer-failures.ts';
import { choiceOfIndex, isSeveralChoices, isSharedChoice } from '../http/answer/choice-index.ts';
import { type Dialect, type DialectOutput, doneEvent, type FastPath } from '../http/answer/dialect.ts';
import { soundLength } from '../http/answer/event-data.ts';
import { leastCertain } from '../http/answer/held-finish.ts';
import { holdsHidden } from '../http/refusal/excerpt.ts';
import { errorIn } from '../http/refusal/upstream-error.ts';
import { asObject, jsonOf, parseJsonExactly } from '../http/unknown-json.ts';
import { ChatUsage } from './chat-usage.ts';
import { type Choice, type ChoiceFinish, type ChoiceOptions, createChoice, hasOutput } from './choice.ts';
import { type ChunkChoice, decodeChunk, holdsOutput, passesJsonOn, type UpstreamChunk } from './chunk.ts';
import { failureOfEvent } from './errors.ts';
import { createLearningFastPath, type LearningFastPath } from './fast-path.ts';

/** What the dialect needs for one answer. */
export interface ChatStreamOptions extends ChoiceOptions {
  /** `n` of the request. */
  readonly choices: number;
}

/** Creates the dialect of OpenAI-compatible servers (contract, sections 3 and 7). */
export function createChatDialect(options: ChatStreamOptions, output: DialectOutput): Dialect {
  return new ChatDialect(options, output);
}

/** A count of `reasoning_tokens`, also a cut one, is no output. */
const carriesOutput =
  /content(?!_filter)|reasoning(?!_t|_?$)|arguments|refusal|tool_calls(?!")|"tool_calls"\s*:|function_call|"text"/;
const hasNoChoice = /"choices"\s*:\s*\[\s*\]/;
/** Matches an event, also a cut one, that has reached a choice or its delta. */
const reachesChoice = /"choices"\s*:\s*\[\s*\{|"delta"\s*:/;
const hasEmptyDelta = /"delta"\s*:\s*\{\s*(?:"role"\s*:\s*"[a-z]*"\s*)?\}/;

class ChatDialect implements Dialect, EventOutput {
  readonly passesJsonOn = passesJsonOn;
  readonly lastEvent = doneEvent;
  private readonly options: ChatStreamOptions;
  private readonly output: DialectOutput;
  private readonly choices: readonly Choice[];
  private readonly learnt: LearningFastPath;
  private started = false;
  /** True once an event other than `start` was emitted. */
  private begun = false;
  /** The number of events of the current chunk. */
  private emitted = 0;
  /** The last event of the current chunk. */
  private lastEmitted: StreamEvent | undefined;
  private readonly usage: ChatUsage;

  constructor(options: ChatStreamOptions, output: DialectOutput) {
    this.options = options;
    this.output = output;
    this.learnt = createLearningFastPath(output.maxEventBytes);
    this.usage = new ChatUsage(options.choices);
    const budget = createAnswerBudget();
    this.choices = Array.from({ length: options.choices }, (_, choice) =>
      createChoice(choice, options, budget, this),
    );
  }

  get state(): Dialect['state'] {
    return leastCertain(this.choices);
  }

  read(event: JsonObject, data: string): void {
    this.readChunk(event, data, false);
  }

  private readChunk(event: JsonObject, data: string, isWhole: boolean): void {
    const chunk = decodeWithOthers(event, data);
    if (chunk === undefined) this.readUnknown(event, data);
    else if (chunk.error !== undefined) this.readError(chunk.error);
    else {
      this.emitted = 0;
      this.apply(chunk, isWhole);
      const only = this.emitted === 1 ? this.lastEmitted : undefined;
      this.lastEmitted = undefined;
      if (only?.type === 'text-delta' && this.isPlain(only.choice)) this.learnt.learn(data, only);
    }
  }

  private readUnknown(event: JsonObject, data: string): void {
    if (holdsOutput(event)) this.output.fail(unreadable('output that stands in no choice'));
    else this.output.unreadable(jsonOf(event) ?? data);
  }

  readError(value: unknown, status = 500): void {
    this.output.refuse(failureOfEvent(value, this.options.errors(), status));
  }

  /** Reads a whole completion as one chunk. */
  readWhole(answer: JsonObject, text: string): boolean {
    const error = errorIn(answer);
    if (error !== undefined) {
      // Under status 200 the request is at fault only where the error names a status itself.
      this.readError(error, 200);
      return true;
    }
    if (!('choices' in answer)) return false;
    this.readChunk(answer, text, true);
    return true;
  }

  mayCarryOutput(evidence: string): boolean | undefined {
    const sound = evidence.slice(0, soundLength(evidence));
    if (hasNoChoice.test(sound)) return false;
    if (carriesOutput.test(evidence)) return true;
    return reachesChoice.test(evidence) ? !hasEmptyDelta.test(sound) : undefined;
  }

  finish(): Failure | undefined {
    const finishes: ChoiceFinish[] = [];
    for (const choice of this.choices) {
      const ended = choice.end();
      if ('code' in ended) return ended;
      finishes.push(ended);
    }
    const usage = this.usage.usage();
    if (usage !== undefined) this.emit({ type: 'usage', usage });
    for (const [choice, finish] of finishes.entries()) this.emit({ type: 'finish', choice, ...finish });
    return undefined;
  }

  fastPath(): FastPath | undefined {
    return this.isPlain(this.learnt.choice) ? this.learnt : undefined;
  }

  /** Whether the fast path may emit a plain text delta of that choice. */
  private isPlain(choice: number): boolean {
    // The first delta after a usage must be read here: it makes the usage outdated.
    return !this.usage.awaitsOutput && this.choices[choice]?.plain === true;
  }

  emit(event: StreamEvent): void {
    this.begun = true;
    this.emitted += 1;
    this.lastEmitted = event;
    if (event.type === 'reasoning-delta') this.usage.reasoningCame();
    this.output.emit(event);
  }

  private start(fingerprint: string): void {
    if (this.started || this.begun) return;
    this.started = true;
    // Each chunk of our answer repeats the fingerprint, so it must be a name and nothing else.
    if (isName(fingerprint, this.options.errors().hidden)) this.output.emit({ type: 'start', fingerprint });
  }

  private apply(chunk: UpstreamChunk, isWhole: boolean): void {
    if (chunk.fingerprint !== undefined) this.start(chunk.fingerprint);
    const tokens = this.usage.tokensOf(chunk);
    const withOutput = chunk.choices.length > 1 ? chunk.choices.filter(hasOutput) : chunk.choices;
    if (withOutput.length > 1 && this.isJoined(withOutput, isWhole)) {
      this.output.fail(torn('upstream_protocol', 'output of several choices for one choice'));
      return;
    }
    let spoke = false;
    for (const part of chunk.choices) {
      const choice = this.choiceOf(part);
      const wrong =
        choice === undefined && hasOutput(part)
          ? torn('upstream_cut', 'output of a choice that was not requested')
          : choice?.add(part, tokens);
      spoke ||= choice?.spoke === true;
      if (wrong !== undefined) {
        this.output.fail(wrong);
        return;
      }
    }
    // After the deltas of its chunk, because the usage has counted them.
    this.usage.take(chunk, spoke);
  }

  /** Whether outputs of one event, or of one JSON answer, would be joined although the upstream counts them apart. */
  private isJoined(parts: readonly ChunkChoice[], isWhole: boolean): boolean {
    const indexes = parts.map(({ index }) => index);
    const { choices } = this.options;
    return isWhole ? isSharedChoice(indexes, choices) : choices === 1 && isSeveralChoices(indexes);
  }

  private choiceOf({ index }: ChunkChoice): Choice | undefined {
    const at = choiceOfIndex(index, this.options.choices);
    return at === undefined ? undefined : this.choices[at];
  }
}

/** Decodes a chunk. One with output that our stream does not name is parsed again, so that its numbers keep their spelling. */
function decodeWithOthers(event: JsonObject, data: string): UpstreamChunk | undefined {
  const chunk = decodeChunk(event);
  if (chunk === undefined || chunk.choices.every(({ others }) => others === undefined)) return chunk;
  const exact = asObject(parseJsonExactly(data));
  return exact === undefined ? chunk : decodeChunk(exact);
}

/**
 * Whether a fingerprint is a name, at most with a version: a dot stands between digits only, and four numbers may be an
 * address. Any other is not emitted, and the surface uses its own.
 */
function isName(text: string, hidden: readonly string[]): boolean {
  const named = /^(?:[\w+-]|(?<=\d)\.(?=\d)){1,128}$/.test(text);
  return named && !/(?<!\d)\d{1,3}(?:[._-]\d{1,3}){3}(?!\d)/.test(text) && !holdsHidden(text, hidden);
}
