import { jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import type { BatchReceiver } from '../../domain/batches.ts';
import { createDeltaMerger, type Delta, type DeltaMerger } from '../../domain/delta-merger.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { EventStream } from '../../upstreams/contract.ts';

/**
 * The answer to one request, between the child that generates it and its reader. Text that is not pulled is joined, so
 * what waits is bounded by the model's context however slow the reader is.
 */
export interface CallStream extends EventStream {
  push(event: StreamEvent): void;
  /** Text of the model; an empty one is a sign of life and reaches only a pull that waits. */
  pushText(text: SpokenText): void;
  /** No further event comes; what is pending is still read. */
  end(): void;
  /** Ends at once and drops what is pending: its reader is gone. */
  drop(): void;
}

/** A piece of the model's output, not escaped yet. */
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

/** `onClose` is called at most once, when the reader closes the stream before its end. */
export function createCallStream(onClose: () => void): CallStream {
  return new JoiningStream(onClose);
}

class JoiningStream implements CallStream {
  private readonly onClose: () => void;
  private pending: (StreamEvent | DeltaMerger)[] = [];
  private over = false;
  private receiver: BatchReceiver | undefined;
  /** An answer to the pull that waits is due in this turn of the event loop. */
  private answerIsDue = false;

  constructor(onClose: () => void) {
    this.onClose = onClose;
  }

  pull(receiver: BatchReceiver): void {
    this.receiver = receiver;
    this.answerPull();
  }

  async close(): Promise<void> {
    const early = !this.over;
    this.drop();
    if (early) this.onClose();
  }

  push(event: StreamEvent): void {
    if (this.over) return;
    this.pending.push(event);
    this.answerSoon();
  }

  pushText(spoken: SpokenText): void {
    if (this.over) return;
    const delta = escaped(spoken);
    const last = this.pending.at(-1);
    if (last !== undefined && 'fits' in last && last.fits(delta)) {
      last.add(delta);
    } else if (spoken.text === '' && !('logprobs' in spoken)) {
      if (this.pending.length === 0) this.takeReceiver()?.batch([]);
    } else {
      this.pending.push(createDeltaMerger(delta));
      this.answerSoon();
    }
  }

  end(): void {
    this.over = true;
    this.answerSoon();
  }

  drop(): void {
    this.pending = [];
    this.over = true;
    this.answerPull();
  }

  /**
   * Answers the pull behind all messages of the child that this turn of the event loop reads: a busy server reads many at
   * once, and their texts become one event. One microtask for each answer, and no promise.
   */
  private answerSoon(): void {
    if (this.receiver === undefined || this.answerIsDue) return;
    this.answerIsDue = true;
    queueMicrotask(this.answerNow);
  }

  private readonly answerNow = (): void => {
    this.answerIsDue = false;
    this.answerPull();
  };

  /** Gives the pull that waits what is pending, or the end. */
  private answerPull(): void {
    if (this.receiver === undefined) return;
    if (this.pending.length > 0) {
      const batch = this.pending.map((one) => ('fits' in one ? one.event() : one));
      this.pending = [];
      this.takeReceiver()?.batch(batch);
    } else if (this.over) this.takeReceiver()?.end();
  }

  private takeReceiver(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}

function escaped(spoken: SpokenText): Delta {
  const { choice } = spoken;
  const json = jsonText(spoken.text);
  switch (spoken.type) {
    case 'text': {
      const { tokens, logprobs } = spoken;
      return { type: 'text-delta', choice, json, tokens, ...(logprobs === undefined ? {} : { logprobs }) };
    }
    case 'reasoning':
      return { type: 'reasoning-delta', choice, json, tokens: spoken.tokens };
    case 'arguments':
      return { type: 'tool-call-delta', choice, index: spoken.index, json };
  }
}
