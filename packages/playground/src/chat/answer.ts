import { failureIn, isObject, type PageFailure } from '../api/failure.ts';
import { createGapRecord, type GapLine } from './gap-record.ts';

/** What is known of one answer, for the line of figures under it. */
export interface AnswerFacts {
  readonly state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  /** Milliseconds from `Send` to the first piece of output; this and the other times are unknown after a reload. */
  readonly ttftMs?: number | undefined;
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

/** Tokens a second after the first one; undefined while there are too few to say. */
export function tokensPerSecond({ completionTokens, pieces, outputMs }: AnswerFacts): number | undefined {
  const tokens = completionTokens ?? pieces;
  if (outputMs === undefined || outputMs < 1 || tokens < 2) return undefined;
  return ((tokens - 1) * 1000) / outputMs;
}

/** An answer while it comes. `take` reads one payload of the stream, or the whole JSON body of an answer that does not stream. */
export interface OpenAnswer {
  text(): string;
  thoughts(): string;
  facts(state: AnswerFacts['state']): AnswerFacts;
  /** The error event of the stream, where there was one. */
  failure(): PageFailure | undefined;
  /** True once every choice has its finish. */
  isWhole(): boolean;
  take(payload: unknown, atMs: number): void;
  /** Notes what the head of the answer says. */
  readHead(headers: Headers): void;
  /** Notes that the stream goes on over another connection: behind its last event, or not exactly there. */
  pickedUp(afterMs: number, isComplete: boolean): void;
}

/**
 * `sentMs`: when the request was sent; undefined where that was before a reload. Such an answer has no times: its events come again, all at
 * once. */
export function openAnswer(sentMs: number | undefined): OpenAnswer {
  let text = '';
  let thoughts = '';
  let failure: PageFailure | undefined;
  let pieces = 0;
  let firstMs: number | undefined;
  let firstTextMs: number | undefined;
  let lastMs: number | undefined;
  const gaps = createGapRecord();
  const known: { -readonly [Name in keyof AnswerFacts]?: AnswerFacts[Name] } = {};

  function takeChoice(choice: Readonly<Record<string, unknown>>, atMs: number): void {
    const delta = choice['delta'] ?? choice['message'];
    if (isObject(delta)) {
      const { content, refusal, reasoning_content: reasoning } = delta;
      const more = [content, refusal].filter((piece) => typeof piece === 'string').join('');
      if (typeof reasoning === 'string') thoughts += reasoning;
      text += more;
      if (more !== '' || (typeof reasoning === 'string' && reasoning !== '')) {
        pieces += 1;
        firstMs ??= atMs;
        if (more !== '') firstTextMs ??= atMs;
        if (lastMs !== undefined) gaps.add(atMs - lastMs);
        lastMs = atMs;
      }
    }
    if (typeof choice['finish_reason'] === 'string') known.finish = choice['finish_reason'];
  }

  function timesSince(startMs: number): Partial<AnswerFacts> {
    if (firstMs === undefined || lastMs === undefined) return {};
    return {
      ttftMs: firstMs - startMs,
      outputMs: lastMs - firstMs,
      thoughtMs: thoughts === '' ? undefined : (firstTextMs ?? lastMs) - firstMs,
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

  return {
    text: () => text,
    thoughts: () => thoughts,
    failure: () => failure,
    isWhole: () => known.finish !== undefined,
    facts: (state) => ({
      ...known,
      state,
      pieces,
      ...(sentMs === undefined ? {} : timesSince(sentMs)),
    }),
    take(payload, atMs) {
      const broken = failureIn(payload);
      if (broken !== undefined) failure = broken;
      if (!isObject(payload)) return;
      const { choices, usage, model } = payload;
      const [choice] = Array.isArray(choices) ? (choices as readonly unknown[]) : [];
      if (isObject(choice)) takeChoice(choice, atMs);
      if (isObject(usage)) takeUsage(usage);
      if (typeof model === 'string') known.model = model;
    },
    readHead(headers) {
      known.target = headers.get('tailrace-target') ?? known.target;
      known.requestId = headers.get('x-request-id') ?? known.requestId;
      known.completionId = headers.get('tailrace-completion-id') ?? known.completionId;
    },
    pickedUp(afterMs, isComplete) {
      const { times = 0, isComplete: before = true } = known.pickedUp ?? {};
      known.pickedUp = { times: times + 1, afterMs, isComplete: before && isComplete };
    },
  };
}
