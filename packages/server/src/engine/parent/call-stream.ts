import { jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import { createDeltaMerger, type Delta, type DeltaMerger } from '../../domain/delta-merger.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import type { EventStream } from '../../upstreams/contract.ts';

/**
 * The reader's end of one request. Text that nobody pulls is joined, so what waits is bounded by the model's
 * context however slow the reader is.
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
  let pending: (StreamEvent | DeltaMerger)[] = [];
  let over = false;
  let waiting: ((step: Step) => void) | undefined;
  const done: Step = { done: true, value: undefined };

  function take(): EventBatch {
    const events = pending;
    pending = [];
    return events.map((one) => ('fits' in one ? one.event() : one));
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
      const delta = escaped(said);
      const last = pending.at(-1);
      if (last !== undefined && 'fits' in last && last.fits(delta)) {
        last.add(delta);
      } else if (said.text === '' && !('logprobs' in said)) {
        if (pending.length === 0) answer({ done: false, value: [] });
      } else {
        pending.push(createDeltaMerger(delta));
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

function escaped(said: SpokenText): Delta {
  const { choice } = said;
  const json = jsonText(said.text);
  switch (said.type) {
    case 'text': {
      const { tokens, logprobs } = said;
      return { type: 'text-delta', choice, json, tokens, ...(logprobs === undefined ? {} : { logprobs }) };
    }
    case 'reasoning':
      return { type: 'reasoning-delta', choice, json, tokens: said.tokens };
    case 'arguments':
      return { type: 'tool-call-delta', choice, index: said.index, json };
  }
}
