import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import { isObject, type JsonObject } from '../../domain/json.ts';
import { commits, type StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { createAnswerBudget } from '../http/answer/answer-budget.ts';
import type { Dialect, DialectOutput, FastPath } from '../http/answer/dialect.ts';
import { holdsHidden } from '../http/refusal/excerpt.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { asObject, jsonOf, parseJsonExactly } from '../http/unknown-json.ts';
import { type Choice, createChoice } from './choice.ts';
import { type ChunkChoice, decodeChunk, passesJsonOn, type UpstreamChunk } from './chunk.ts';
import { failureOfEvent } from './errors.ts';
import { createLearningFastPath, type LearningFastPath } from './fast-path.ts';
import { addUsage } from './usage.ts';

/** What the dialect needs for one answer. */
export interface ChatStreamOptions {
  /** `n` of the request. */
  readonly choices: number;
  readonly completionId: string;
  /** The upstream's finish reasons besides the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  readonly errors: () => ErrorContext;
  /** The prefix, where the upstream repeats it at the beginning of the answer. */
  readonly echo?: string;
  /** True where the answer continues a prefix, repeated or not. A `<think>` tag after a prefix is text. */
  readonly continues?: boolean;
}

/**
 * Creates the dialect of OpenAI-compatible servers (contract, sections 3 and 7). It emits each finish as it comes; the last one
 * is held for the usage.
 */
export function createChatDialect(options: ChatStreamOptions, output: DialectOutput): Dialect {
  return new ChatDialect(options, output);
}

const carriesOutput = /content|reasoning|arguments|refusal|tool_calls|function_call|"text"/;
/** Matches an event, also a cut one, that has reached a choice or its delta. */
const reachesChoice = /"choices"\s*:\s*\[\s*\{|"delta"\s*:/;
const hasEmptyDelta = /"delta"\s*:\s*\{\s*(?:"role"\s*:\s*"[a-z]*"\s*)?\}/;

class ChatDialect implements Dialect {
  readonly passesJsonOn = passesJsonOn;
  readonly lastEvent = '[DONE]';
  state: Dialect['state'] = 'open';
  private readonly options: ChatStreamOptions;
  private readonly output: DialectOutput;
  private readonly choices: readonly Choice[];
  private readonly learnt: LearningFastPath;
  /** The choices whose finish was emitted. */
  private readonly finished = new Set<number>();
  private lastChoice: number | undefined;
  private started = false;
  /** True once an event other than `start` was emitted. */
  private begun = false;
  /** The number of events of the current chunk. */
  private emitted = 0;
  /** The last emitted event. */
  private lastEmitted: StreamEvent | undefined;
  private usage: Usage | undefined;
  /** True once output has come after {@link usage}: then that usage is not the final one. */
  private outdated = false;
  /** The number of usage chunks without choices: with `n` above 1 some servers send one for each choice. */
  private usageChunks = 0;

  constructor(options: ChatStreamOptions, output: DialectOutput) {
    this.options = options;
    this.output = output;
    this.learnt = createLearningFastPath(output.maxEventBytes);
    const { finishReasons, echo, continues } = options;
    const shared = {
      idBase: options.completionId.replace(/^[a-z]+[-_]/, ''),
      budget: createAnswerBudget(),
      hidden: () => options.errors().hidden,
      finishReasons,
      ...(echo === undefined ? {} : { echo }),
      ...(continues === undefined ? {} : { continues }),
    };
    const emit = (event: StreamEvent) => this.emit(event);
    this.choices = Array.from({ length: options.choices }, (_, choice) =>
      createChoice({ choice, ...shared }, emit),
    );
  }

  read(event: JsonObject, data: string): void {
    const chunk = decodeWithOthers(event, data);
    if (chunk === undefined) this.output.unreadable(jsonOf(event) ?? data);
    else if (chunk.error !== undefined) this.readError(chunk.error);
    else {
      this.emitted = 0;
      this.apply(chunk);
      const only = this.emitted === 1 ? this.lastEmitted : undefined;
      if (only?.type === 'text-delta' && this.isPlain(only.choice)) this.learnt.learn(data, only);
    }
  }

  readError(value: unknown, status = 500): void {
    this.output.fail(failureOfEvent(value, this.options.errors(), status));
  }

  /** Reads a whole completion as one chunk. */
  readWhole(answer: unknown, text: string): boolean {
    if (!isObject(answer)) return false;
    if ('error' in answer && answer['error'] !== null) {
      // Under status 200 the request is at fault only where the error names a status itself.
      this.readError(answer, 200);
      return true;
    }
    if (!('choices' in answer)) return false;
    this.read(answer, text);
    return true;
  }

  mayCarryOutput(evidence: string): boolean {
    return carriesOutput.test(evidence) || (reachesChoice.test(evidence) && !hasEmptyDelta.test(evidence));
  }

  finish(): void {
    const { usage } = this;
    if (usage !== undefined) {
      this.emit({ type: 'usage', usage: this.outdated ? { ...usage, estimated: true } : usage });
    }
    if (this.lastChoice !== undefined) this.emitFinish(this.lastChoice);
  }

  fastPath(): FastPath | undefined {
    return this.isPlain(this.learnt.choice) ? this.learnt : undefined;
  }

  /** Whether the fast path may emit a plain text delta of that choice. */
  private isPlain(choice: number): boolean {
    // The first delta after a usage must be read here: it makes the usage outdated.
    const usageIsSettled = this.usage === undefined || this.outdated;
    return this.state === 'open' && usageIsSettled && this.choices[choice]?.plain === true;
  }

  private emit(event: StreamEvent): void {
    this.begun = true;
    this.emitted += 1;
    this.lastEmitted = event;
    if (this.usage !== undefined && commits(event) && event.type !== 'finish') this.outdated = true;
    this.output.emit(event);
  }

  private emitFinish(choice: number): void {
    const finish = this.choices[choice]?.finished;
    if (finish === undefined || this.finished.has(choice)) return;
    this.finished.add(choice);
    this.emit({ type: 'finish', choice, ...finish });
  }

  private start(fingerprint: string): void {
    if (this.started || this.begun) return;
    this.started = true;
    // Each chunk of our answer repeats the fingerprint, so it must be a name and nothing else.
    if (isName(fingerprint, this.options.errors().hidden)) this.output.emit({ type: 'start', fingerprint });
  }

  private apply(chunk: UpstreamChunk): void {
    if (chunk.fingerprint !== undefined) this.start(chunk.fingerprint);
    const tokens = this.outdated ? undefined : this.countedBy(chunk);
    for (const part of chunk.choices) {
      const torn = this.applyPart(part, tokens);
      if (torn !== undefined) {
        this.output.fail(torn);
        return;
      }
    }
    // After the deltas of its chunk, because the usage has counted them.
    this.takeUsage(chunk);
    if (this.state !== 'unsettled' || chunk.usage === undefined) return;
    // A usage in a chunk with choices counts the whole answer. A usage without choices may count one choice only, so one for
    // each choice is awaited.
    if (chunk.choices.length > 0 || this.usageChunks >= this.options.choices) this.state = 'settled';
  }

  /** Returns the failure where the answer is torn here. */
  private applyPart(part: ChunkChoice, tokens: number | undefined): Failure | undefined {
    const choice = this.choices[part.index];
    if (choice === undefined) {
      this.output.drop();
      return undefined;
    }
    const torn = choice.add(part, tokens);
    if (torn !== undefined) return torn;
    if (choice.finished === undefined || this.finished.has(part.index)) return undefined;
    if (this.choices.some((one) => one.finished === undefined)) this.emitFinish(part.index);
    else if (this.state === 'open') {
      this.state = 'unsettled';
      this.lastChoice = part.index;
    }
    return undefined;
  }

  private takeUsage(chunk: UpstreamChunk): void {
    if (chunk.usage === undefined) return;
    if (this.outdated) {
      this.usage = undefined;
      this.usageChunks = 0;
      this.outdated = false;
    }
    if (chunk.choices.length > 0) {
      this.usage = chunk.usage;
      return;
    }
    this.usageChunks += 1;
    this.usage =
      this.usage !== undefined && this.usageChunks > 1 && this.options.choices > 1
        ? addUsage(this.usage, chunk.usage)
        : chunk.usage;
  }

  /** The tokens of a chunk, where every chunk has a usage with the sum so far; undefined where that is not known. */
  private countedBy(chunk: UpstreamChunk): number | undefined {
    if (this.options.choices > 1 || chunk.usage === undefined || this.usage === undefined) return undefined;
    const added = chunk.usage.completionTokens - this.usage.completionTokens;
    return added > 0 ? added : undefined;
  }
}

/** Decodes a chunk; one with output that our stream does not name is parsed once more, so that its numbers keep their spelling. */
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
