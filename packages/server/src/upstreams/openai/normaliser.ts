import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { commits, type StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { createAnswerBudget } from '../shared/answer-budget.ts';
import { holdsHidden } from '../shared/excerpt.ts';
import { createMalformedEvents } from '../shared/malformed-events.ts';
import { behindOutput, type ErrorContext } from '../shared/refusal.ts';
import { jsonOf } from '../shared/unknown-json.ts';
import { createChoice } from './choice.ts';
import { type ChunkChoice, decodeChunk, type UpstreamChunk } from './chunk.ts';
import { failureOfEvent } from './errors.ts';
import { addUsage } from './usage.ts';

/**
 * Turns the events of an OpenAI-compatible stream into ours, whatever the dialect (contract, sections 3
 * and 7). It knows no bytes and no sockets.
 *
 *     open ──▶ every choice has finished ──▶ held, for the usage ──▶ whole
 *       └────▶ torn (error, an odd finish, unreadable output, the end of the body)
 */
export interface Normaliser {
  /** A parsed event, and its text. What says nothing that is known counts for nothing. */
  chunk(value: unknown, text?: string): void;
  /** An event that cannot be read. `evidence`: as much of it as there is. */
  malformed(evidence: string): void;
  /** An error that was announced as one (`event: error`), or came under a status; by itself it is a 500. */
  error(value: unknown, status?: number): void;
  fail(reason: Failure): void;
  /** `[DONE]`, or the end of the body; `cut` where HTTP says that it came too early. */
  end(cut?: Failure): void;
  /** Every choice has finished, and the last finish waits for the usage. */
  readonly held: boolean;
  readonly ended: 'whole' | 'torn' | undefined;
  /** Events that could not be read and carried no output. */
  readonly dropped: number;
  /** True where a plain text delta of that choice could be emitted without going through here. */
  isPlain(choice: number): boolean;
}

export interface NormaliserOptions {
  /** `n` of the request. */
  readonly choices: number;
  readonly completionId: string;
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  readonly errors: () => ErrorContext;
  /** The prefix that comes once more before the answer. */
  readonly echo?: string;
  /** There is a prefix, said once more or not: a tag that opens what comes now is text. */
  readonly continues?: boolean;
}

const showsOutput = /content|reasoning|arguments|refusal|tool_calls|function_call|"text"/;
/** The bytes got as far as into a choice, or into what it says. */
const showsChoice = /"choices"\s*:\s*\[\s*\{|"delta"\s*:/;
const saysNothing = /"delta"\s*:\s*\{\s*(?:"role"\s*:\s*"[a-z]*"\s*)?\}/;

export function createNormaliser(options: NormaliserOptions, emit: (event: StreamEvent) => void): Normaliser {
  const idBase = options.completionId.replace(/^[a-z]+[-_]/, '');
  const budget = createAnswerBudget();
  const choices = Array.from({ length: options.choices }, (_, choice) =>
    createChoice(
      {
        choice,
        idBase,
        budget,
        finishReasons: options.finishReasons,
        ...(options.echo === undefined ? {} : { echo: options.echo }),
        ...(options.continues === undefined ? {} : { continues: options.continues }),
      },
      send,
    ),
  );
  const told = new Set<number>();
  let started = false;
  /** Something of an answer: an announcement is none. */
  let said = false;
  let held = false;
  let ended: 'whole' | 'torn' | undefined;
  const malformedEvents = createMalformedEvents(mayCarryOutput);
  let usage: Usage | undefined;
  /** Output has come behind the usage: it was a count on the way, and not the last word. */
  let outdated = false;
  /** Usage chunks without choices: with `n` above 1 some servers send one for each. */
  let usageChunks = 0;
  let lastFinish: { readonly choice: number } | undefined;

  function send(event: StreamEvent): void {
    said = true;
    if (usage !== undefined && commits(event) && event.type !== 'finish') outdated = true;
    emit(event);
  }

  function start(fingerprint: string): void {
    if (started || said) return;
    started = true;
    // It is repeated in each chunk: a name, and nothing else that a server may write there.
    if (isName(fingerprint, options.errors().hidden)) emit({ type: 'start', fingerprint });
  }

  function tear(reason: Failure): void {
    if (ended !== undefined) return;
    // All finishes were said: what comes behind them changes nothing.
    if (held) {
      complete();
      return;
    }
    ended = 'torn';
    send({ type: 'failed', failure: reason });
  }

  function complete(): void {
    ended = 'whole';
    held = false;
    if (usage !== undefined) {
      send({ type: 'usage', usage: outdated ? { ...usage, estimated: true } : usage });
    }
    if (lastFinish !== undefined) tell(lastFinish.choice);
  }

  function tell(choice: number): void {
    const finish = choices[choice]?.finished;
    if (finish === undefined || told.has(choice)) return;
    told.add(choice);
    send({ type: 'finish', choice, ...finish });
  }

  function takeUsage(chunk: UpstreamChunk): void {
    if (chunk.usage === undefined) return;
    if (outdated) {
      usage = undefined;
      usageChunks = 0;
      outdated = false;
    }
    if (chunk.choices.length > 0) {
      usage = chunk.usage;
      return;
    }
    usageChunks += 1;
    usage =
      usage !== undefined && usageChunks > 1 && options.choices > 1
        ? addUsage(usage, chunk.usage)
        : chunk.usage;
  }

  /** What a chunk adds to a count that comes with every one; undefined where there is none, or it is no count of it. */
  function countedBy(chunk: UpstreamChunk): number | undefined {
    if (options.choices > 1 || chunk.usage === undefined || usage === undefined) return undefined;
    const added = chunk.usage.completionTokens - usage.completionTokens;
    return added > 0 ? added : undefined;
  }

  function apply(chunk: UpstreamChunk): void {
    if (chunk.fingerprint !== undefined) start(chunk.fingerprint);
    const tokens = outdated ? undefined : countedBy(chunk);
    for (const part of chunk.choices) {
      if (!applyPart(part, tokens)) return;
    }
    // Behind the deltas it came with, for those it has counted.
    takeUsage(chunk);
    if (!held || chunk.usage === undefined) return;
    // On the chunk of a choice it is the whole; without choices every choice may send its own.
    if (chunk.choices.length > 0 || usageChunks >= options.choices) complete();
  }

  /** False where the stream has ended by it. */
  function applyPart(part: ChunkChoice, tokens: number | undefined): boolean {
    const choice = choices[part.index];
    if (choice === undefined) {
      drop();
      return ended === undefined;
    }
    const torn = choice.add(part, tokens);
    if (torn !== undefined) {
      tear(torn);
      return false;
    }
    if (choice.finished === undefined || told.has(part.index)) return true;
    const left = choices.filter((one) => one.finished === undefined).length;
    if (left > 0) tell(part.index);
    else if (!held) {
      held = true;
      lastFinish = { choice: part.index };
    }
    return true;
  }

  function drop(): void {
    const reason = malformedEvents.drop();
    if (reason !== undefined) tear(reason);
  }

  function malformed(evidence: string): void {
    if (ended !== undefined || held) return;
    const reason = malformedEvents.judge(evidence);
    if (reason !== undefined) tear(reason);
  }

  function error(value: unknown, status = 500): void {
    if (ended !== undefined || held) return;
    const reason = failureOfEvent(value, options.errors(), status);
    tear(said ? behindOutput(reason) : reason);
  }

  return {
    chunk(value, text) {
      if (ended !== undefined) return;
      const chunk = decodeChunk(value, text);
      if (chunk === undefined) malformed(jsonOf(value) ?? 'content');
      else if (chunk.error !== undefined) error(chunk.error);
      else apply(chunk);
    },
    malformed,
    error,
    fail: tear,
    end(cut) {
      if (ended !== undefined) return;
      if (held) {
        complete();
        return;
      }
      const silent = !said && cut === undefined;
      tear(
        cut ??
          failure(
            silent ? 'upstream_protocol' : 'upstream_cut',
            silent ? 'The upstream sent an answer without content.' : 'The upstream broke off its answer.',
            { detail: 'the body ended before every choice had a finish reason' },
          ),
      );
    },
    get held() {
      return held;
    },
    get ended() {
      return ended;
    },
    get dropped() {
      return malformedEvents.dropped;
    },
    // Behind a usage the next delta has to be seen here: it makes the usage an old one.
    isPlain: (choice) =>
      !held && ended === undefined && (usage === undefined || outdated) && choices[choice]?.plain === true,
  };
}

/**
 * A name with a version at most: a dot stands between digits, and what has four numbers may be an address. Without it
 * the server says a name of its own.
 */
function isName(text: string, hidden: readonly string[]): boolean {
  const named = /^(?:[\w+-]|(?<=\d)\.(?=\d)){1,128}$/.test(text);
  return named && !/(?<!\d)\d{1,3}(?:[._-]\d{1,3}){3}(?!\d)/.test(text) && !holdsHidden(text, hidden);
}

/** An event that cannot be read has torn the answer where it got into a choice that may have said something. */
function mayCarryOutput(evidence: string): boolean {
  return showsOutput.test(evidence) || (showsChoice.test(evidence) && !saysNothing.test(evidence));
}
