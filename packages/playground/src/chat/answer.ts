import { failureIn, type PageFailure } from '../api/failure.ts';
import { isObject } from '../api/json.ts';
import { type OpenOutput, type Output, openOutput } from './answer-output.ts';
import { createGapRecord, type GapLine } from './gap-record.ts';
import { readServerTiming } from './server-timing.ts';

/** What is known of one answer, for the line of figures under it. */
export interface AnswerFacts {
  readonly state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  /** Milliseconds from `Send` to the first piece of output; this and the other times are unknown after a reload. */
  readonly ttftMs?: number | undefined;
  /** Parts of `ttftMs`, as the server has measured them: until the request had a place at its target, and until its prompt was read. */
  readonly queueMs?: number | undefined;
  readonly promptMs?: number | undefined;
  /** Milliseconds in which the pieces after the first came. */
  readonly outputMs?: number | undefined;
  /** Events with output so far: while the answer streams they stand for tokens. */
  readonly pieces: number;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  /** A part of the prompt that came from a cache. */
  readonly cachedTokens?: number | undefined;
  /** Milliseconds of `outputMs` in which thoughts came, until the first piece of the answer itself. */
  readonly thoughtMs?: number | undefined;
  readonly gaps?: GapLine | undefined;
  /** Pieces a second of the last ones, while they come. */
  readonly liveRate?: number | undefined;
  /** The breaks of the connection after which the stream was picked up; absent where there was none. */
  readonly pickedUp?: PickedUp | undefined;
  readonly completionId?: string | undefined;
  readonly finish?: string | undefined;
  readonly target?: string | undefined;
  readonly requestId?: string | undefined;
  readonly model?: string | undefined;
}

export interface PickedUp {
  readonly times: number;
  /** Milliseconds from the last break to the next event. */
  readonly afterMs: number;
  /** The numbers of the events have no gap: each has come, and once. */
  readonly isComplete: boolean;
}

/** Tokens a second: of the last ones while the answer comes, and of all after the first one then. Undefined where they are too few to say. */
export function tokensPerSecond(facts: AnswerFacts): number | undefined {
  const { completionTokens, pieces, outputMs, liveRate } = facts;
  if (liveRate !== undefined) return liveRate;
  const tokens = completionTokens ?? pieces;
  if (outputMs === undefined || outputMs < 1 || tokens < 2) return undefined;
  return ((tokens - 1) * 1000) / outputMs;
}

/** An answer while it comes. `take` reads one payload of the stream, or the whole JSON body of an answer that does not stream. */
export interface OpenAnswer {
  /** What has come of the first choice. */
  output(): Output;
  /** What has come of the others, where several were asked for. */
  others(): readonly Output[];
  /** Nothing has come of the first choice. */
  isEmpty(): boolean;
  facts(state: AnswerFacts['state']): AnswerFacts;
  /** The error event of the stream, where there was one. */
  failure(): PageFailure | undefined;
  /** True once every choice has its finish. */
  isWhole(): boolean;
  take(payload: unknown, atMs: number): void;
  /** Notes what the head of the answer says. */
  readHead(headers: Headers): void;
  /** Notes what only a head that left with the first output says, or the kept stream later: its target, and the parts of the wait. */
  readBeginning(headers: Headers): void;
  /** Notes that the stream goes on over another connection: behind its last event, or not exactly there. */
  pickedUp(afterMs: number, isComplete: boolean): void;
}

/**
 * `sentMs`: when the request was sent; undefined where that was before a reload. Such an answer has no times: its events come again,
 * all at once.
 */
export function openAnswer(sentMs: number | undefined): OpenAnswer {
  const first = openOutput();
  const others = new Map<number, OpenOutput>();
  let failure: PageFailure | undefined;
  let pieces = 0;
  let firstMs: number | undefined;
  let firstAnswerMs: number | undefined;
  let lastMs: number | undefined;
  const gaps = createGapRecord();
  const known: { -readonly [Name in keyof AnswerFacts]?: AnswerFacts[Name] } = {};

  function outputOf(index: unknown): OpenOutput {
    if (typeof index !== 'number' || index === 0) return first;
    const output = others.get(index) ?? openOutput();
    others.set(index, output);
    return output;
  }

  function takeChoice(choice: Readonly<Record<string, unknown>>, atMs: number): void {
    const delta = choice['delta'] ?? choice['message'];
    const kind = isObject(delta) ? outputOf(choice['index']).take(delta) : undefined;
    if (kind !== undefined) {
      pieces += 1;
      firstMs ??= atMs;
      if (kind === 'answer') firstAnswerMs ??= atMs;
      if (lastMs !== undefined) gaps.add(atMs - lastMs);
      lastMs = atMs;
    }
    if (typeof choice['finish_reason'] === 'string') known.finish = choice['finish_reason'];
  }

  function timesSince(startMs: number): Partial<AnswerFacts> {
    if (firstMs === undefined || lastMs === undefined) return {};
    return {
      ttftMs: firstMs - startMs,
      outputMs: lastMs - firstMs,
      thoughtMs: first.current().thoughts === '' ? undefined : (firstAnswerMs ?? lastMs) - firstMs,
      gaps: gaps.line(),
    };
  }

  function takeUsage(usage: Readonly<Record<string, unknown>>): void {
    const { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: parts } = usage;
    const cached = isObject(parts) ? parts['cached_tokens'] : undefined;
    if (typeof cached === 'number') known.cachedTokens = cached;
    if (typeof prompt === 'number') known.promptTokens = prompt;
    if (typeof completion === 'number') known.completionTokens = completion;
  }

  function readBeginning(headers: Headers): void {
    known.target = headers.get('tailrace-target') ?? known.target;
    Object.assign(known, readServerTiming(headers.get('server-timing')));
  }

  return {
    readBeginning,
    output: first.current,
    others: () => [...others.entries()].toSorted(([a], [b]) => a - b).map(([, output]) => output.current()),
    isEmpty: first.isEmpty,
    failure: () => failure,
    isWhole: () => known.finish !== undefined,
    facts: (state) => ({
      ...known,
      state,
      pieces,
      ...(sentMs === undefined ? {} : timesSince(sentMs)),
      ...(sentMs !== undefined && state === 'streaming' ? { liveRate: gaps.recentRate() } : {}),
    }),
    take(payload, atMs) {
      const broken = failureIn(payload);
      if (broken !== undefined) failure = broken;
      if (!isObject(payload)) return;
      const { choices, usage, model } = payload;
      for (const choice of Array.isArray(choices) ? (choices as readonly unknown[]) : [])
        if (isObject(choice)) takeChoice(choice, atMs);
      if (isObject(usage)) takeUsage(usage);
      if (typeof model === 'string') known.model = model;
    },
    readHead(headers) {
      known.requestId = headers.get('x-request-id') ?? known.requestId;
      readBeginning(headers);
      known.completionId = headers.get('tailrace-completion-id') ?? known.completionId;
    },
    pickedUp(afterMs, isComplete) {
      const { times = 0, isComplete: before = true } = known.pickedUp ?? {};
      known.pickedUp = { times: times + 1, afterMs, isComplete: before && isComplete };
    },
  };
}
