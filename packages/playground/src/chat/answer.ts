import { failureIn, isObject, type PageFailure } from '../api/failure.ts';

/** What is known of one answer, for the line of figures under it. */
export interface AnswerFacts {
  readonly state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  /** Milliseconds from `Send` to the first piece of output; unknown after a reload. */
  readonly ttftMs?: number | undefined;
  /** Milliseconds in which the pieces after the first came. */
  readonly outputMs?: number | undefined;
  /** Events with output so far: while the answer streams they stand for tokens. */
  readonly pieces: number;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  readonly finish?: string | undefined;
  readonly target?: string | undefined;
  readonly requestId?: string | undefined;
  readonly model?: string | undefined;
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
}

/** `sentMs`: when the request was sent; undefined where that was before a reload. */
export function openAnswer(sentMs: number | undefined): OpenAnswer {
  let text = '';
  let thoughts = '';
  let failure: PageFailure | undefined;
  let pieces = 0;
  let firstMs: number | undefined;
  let lastMs: number | undefined;
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
        lastMs = atMs;
      }
    }
    if (typeof choice['finish_reason'] === 'string') known.finish = choice['finish_reason'];
  }

  function takeUsage(usage: Readonly<Record<string, unknown>>): void {
    const { prompt_tokens: prompt, completion_tokens: completion } = usage;
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
      ttftMs: firstMs === undefined || sentMs === undefined ? undefined : firstMs - sentMs,
      outputMs: firstMs === undefined || lastMs === undefined ? undefined : lastMs - firstMs,
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
    },
  };
}
