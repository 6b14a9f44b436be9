import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import { commits, type StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { createAnswerBudget } from '../http/answer/answer-budget.ts';
import type { Dialect, DialectOutput, FastPath } from '../http/answer/dialect.ts';
import { holdsHidden } from '../http/refusal/excerpt.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { type Choice, createChoice } from './choice.ts';
import { type ChunkChoice, decodeChunk, handedOn, type UpstreamChunk } from './chunk.ts';
import { failureOfEvent } from './errors.ts';
import { createLearntEvent, type LearntEvent } from './fast-path.ts';
import { addUsage } from './usage.ts';

export interface ChatStreamOptions {
  /** `n` of the request. */
  readonly choices: number;
  readonly completionId: string;
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  readonly errors: () => ErrorContext;
  /** The prefix that comes once more before the answer. */
  readonly echo?: string;
  /** There is a prefix, repeated or not: a tag that opens what comes now is text. */
  readonly continues?: boolean;
}

/**
 * Reads the event stream of chat completions as OpenAI-compatible servers send it (contract, sections 3 and 7). Finish
 * reasons but the last one leave as they come; the last one waits for the usage.
 */
export function createChatDialect(options: ChatStreamOptions, output: DialectOutput): Dialect {
  return new ChatDialect(options, output);
}

const carriesOutput = /content|reasoning|arguments|refusal|tool_calls|function_call|"text"/;
/** The bytes got as far as into a choice, or into its delta. */
const reachesChoice = /"choices"\s*:\s*\[\s*\{|"delta"\s*:/;
const hasEmptyDelta = /"delta"\s*:\s*\{\s*(?:"role"\s*:\s*"[a-z]*"\s*)?\}/;

class ChatDialect implements Dialect {
  readonly handedOn = handedOn;
  readonly lastEvent = '[DONE]';
  state: Dialect['state'] = 'open';
  private readonly options: ChatStreamOptions;
  private readonly output: DialectOutput;
  private readonly choices: readonly Choice[];
  private readonly learnt: LearntEvent;
  /** Choices whose finish was emitted. */
  private readonly finished = new Set<number>();
  private lastChoice: number | undefined;
  private started = false;
  /** Something of an answer was emitted: an announcement is none. */
  private begun = false;
  /** The events of the present chunk, and the last of them. */
  private emitted = 0;
  private lastEmitted: StreamEvent | undefined;
  private usage: Usage | undefined;
  /** Output has come behind the usage: it was a count on the way, and not the final one. */
  private outdated = false;
  /** Usage chunks without choices: with `n` above 1 some servers send one for each. */
  private usageChunks = 0;

  constructor(options: ChatStreamOptions, output: DialectOutput) {
    this.options = options;
    this.output = output;
    this.learnt = createLearntEvent(output.maxEventBytes);
    const { finishReasons, echo, continues } = options;
    const shared = {
      idBase: options.completionId.replace(/^[a-z]+[-_]/, ''),
      budget: createAnswerBudget(),
      finishReasons,
      ...(echo === undefined ? {} : { echo }),
      ...(continues === undefined ? {} : { continues }),
    };
    const emit = (event: StreamEvent) => this.emit(event);
    this.choices = Array.from({ length: options.choices }, (_, choice) =>
      createChoice({ choice, ...shared }, emit),
    );
  }

  read(event: Readonly<Record<string, unknown>>, data: string): void {
    const chunk = decodeChunk(event);
    if (chunk === undefined) this.output.unreadable(data);
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

  /** A completion goes the way of a chunk that holds everything. */
  readWhole(answer: unknown, text: string): boolean {
    const isObject = typeof answer === 'object' && answer !== null;
    if (isObject && 'error' in answer && answer.error !== null) {
      // Under a 200 it is the caller's mistake only where it has a status of its own.
      this.readError(answer, 200);
      return true;
    }
    if (!isObject || !('choices' in answer)) return false;
    this.read(answer as Readonly<Record<string, unknown>>, text);
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

  /** Whether a plain text delta of that choice could be emitted without being read here. */
  private isPlain(choice: number): boolean {
    // Behind a usage the next delta has to be seen here: it makes the usage an old one.
    const countIsSettled = this.usage === undefined || this.outdated;
    return this.state === 'open' && countIsSettled && this.choices[choice]?.plain === true;
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
    // It is repeated in each chunk: a name, and nothing else that a server may write there.
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
    // Behind the deltas it came with, for those it has counted.
    this.takeUsage(chunk);
    if (this.state !== 'unsettled' || chunk.usage === undefined) return;
    // On the chunk of a choice it is the whole; without choices every choice may send its own.
    if (chunk.choices.length > 0 || this.usageChunks >= this.options.choices) this.state = 'settled';
  }

  /** Why the answer is torn here, or undefined. */
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

  /** What a chunk adds to a count that comes with every one; undefined where there is none, or it is no count of it. */
  private countedBy(chunk: UpstreamChunk): number | undefined {
    if (this.options.choices > 1 || chunk.usage === undefined || this.usage === undefined) return undefined;
    const added = chunk.usage.completionTokens - this.usage.completionTokens;
    return added > 0 ? added : undefined;
  }
}

/**
 * A name with a version at most: a dot stands between digits, and what has four numbers may be an address. Without it
 * the server gives a name of its own.
 */
function isName(text: string, hidden: readonly string[]): boolean {
  const named = /^(?:[\w+-]|(?<=\d)\.(?=\d)){1,128}$/.test(text);
  return named && !/(?<!\d)\d{1,3}(?:[._-]\d{1,3}){3}(?!\d)/.test(text) && !holdsHidden(text, hidden);
}
