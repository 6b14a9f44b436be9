import { jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';

/**
 * The reader's end of one request. Text that nobody pulls is joined, so what waits is bounded by the model's
 * context however slow the reader is; it is escaped once, when it is pulled.
 */
export interface CallStream {
  readonly stream: EventStream;
  push(event: StreamEvent): void;
  /** Text of the model; empty is a sign of life and reaches only a reader that waits. */
  pushText(text: SpokenText): void;
  /** No further event comes; what is pending is still read. */
  end(): void;
  /** Ends at once, dropping what is pending: the client is gone. */
  drop(): void;
}

/** A piece of what the model says, not escaped yet. */
export type SpokenText = SpokenAnswer | SpokenArguments;

interface SpokenAnswer {
  readonly type: 'text' | 'reasoning';
  readonly choice: number;
  readonly text: string;
  readonly tokens: number;
  readonly logprobs?: readonly TokenLogprobWire[];
}

interface SpokenArguments {
  readonly type: 'arguments';
  readonly choice: number;
  readonly index: number;
  readonly text: string;
}

type Step = IteratorResult<EventBatch, undefined>;

/** `onReturn` is called at most once, when the reader leaves before the end. */
export function createCallStream(onReturn: () => void): CallStream {
  let pending: (StreamEvent | SpokenText)[] = [];
  let over = false;
  let waiting: ((step: Step) => void) | undefined;
  const done: Step = { done: true, value: undefined };

  function take(): EventBatch {
    const events = pending;
    pending = [];
    return events.map(spoken);
  }

  function answer(step: Step): void {
    const reader = waiting;
    waiting = undefined;
    reader?.(step);
  }

  function wake(): void {
    if (waiting === undefined) return;
    if (pending.length > 0) answer({ done: false, value: take() });
    else if (over) answer(done);
  }

  return {
    stream: {
      next() {
        if (pending.length > 0) return Promise.resolve({ done: false, value: take() });
        if (over) return Promise.resolve(done);
        return new Promise((resolve) => {
          waiting = resolve;
        });
      },
      return() {
        const early = !over;
        over = true;
        pending = [];
        wake();
        if (early) onReturn();
        return Promise.resolve(done);
      },
    },
    push(event) {
      if (over) return;
      pending.push(event);
      wake();
    },
    pushText(said) {
      if (over) return;
      const last = pending.at(-1);
      const joined = last === undefined ? undefined : join(last, said);
      if (said.text === '' && joined === undefined && !('logprobs' in said)) {
        if (pending.length === 0) answer({ done: false, value: [] });
      } else if (joined !== undefined) {
        pending[pending.length - 1] = joined;
      } else {
        pending.push(said);
        wake();
      }
    },
    end() {
      over = true;
      wake();
    },
    drop() {
      over = true;
      pending = [];
      wake();
    },
  };
}

/** Two pieces of one choice's text, thoughts or arguments as one; undefined where they are not of a kind. */
function join(last: StreamEvent | SpokenText, next: SpokenText): SpokenText | undefined {
  if (last.type !== next.type || last.choice !== next.choice) return undefined;
  const text = last.text + next.text;
  if (last.type === 'arguments' || next.type === 'arguments') {
    const same = last.type === 'arguments' && next.type === 'arguments' && last.index === next.index;
    return same ? { ...last, text } : undefined;
  }
  const logprobs = [...(last.logprobs ?? []), ...(next.logprobs ?? [])];
  return {
    ...last,
    text,
    tokens: last.tokens + next.tokens,
    ...(logprobs.length > 0 ? { logprobs } : {}),
  };
}

function spoken(event: StreamEvent | SpokenText): StreamEvent {
  switch (event.type) {
    case 'text': {
      const { choice, tokens, logprobs } = event;
      const json = jsonText(event.text);
      return { type: 'text-delta', choice, json, tokens, ...(logprobs === undefined ? {} : { logprobs }) };
    }
    case 'reasoning':
      return {
        type: 'reasoning-delta',
        choice: event.choice,
        json: jsonText(event.text),
        tokens: event.tokens,
      };
    case 'arguments':
      return {
        type: 'tool-call-delta',
        choice: event.choice,
        index: event.index,
        json: jsonText(event.text),
      };
    default:
      return event;
  }
}
