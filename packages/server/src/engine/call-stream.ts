import { jsonText } from '@tailrace/protocol';
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
  pushText(choice: number, text: string): void;
  /** No further event comes; what is pending is still read. */
  end(): void;
  /** Ends at once, dropping what is pending: the client is gone. */
  drop(): void;
}

interface PendingText {
  readonly type: 'pending-text';
  readonly choice: number;
  text: string;
}

type Step = IteratorResult<EventBatch, undefined>;

/** `onReturn` is called at most once, when the reader leaves before the end. */
export function createCallStream(onReturn: () => void): CallStream {
  let pending: (StreamEvent | PendingText)[] = [];
  let over = false;
  let waiting: ((step: Step) => void) | undefined;
  const done: Step = { done: true, value: undefined };

  function take(): EventBatch {
    const events = pending;
    pending = [];
    return events.map((event) =>
      event.type === 'pending-text'
        ? { type: 'text-delta', choice: event.choice, json: jsonText(event.text) }
        : event,
    );
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
    pushText(choice, text) {
      if (over) return;
      const last = pending.at(-1);
      if (text === '') {
        if (pending.length === 0) answer({ done: false, value: [] });
      } else if (last?.type === 'pending-text' && last.choice === choice) {
        last.text += text;
      } else {
        pending.push({ type: 'pending-text', choice, text });
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
