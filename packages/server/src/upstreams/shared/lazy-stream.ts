import { type BatchReceiver, type Pullable, pullOnce } from '../../domain/batches.ts';
import type { EventBatch } from '../../domain/stream-event.ts';
import type { EventStream } from '../contract.ts';

/** An answer that is being read: one batch a read. */
export interface BatchReader extends Pullable {
  /** Releases what is behind it. May be called at any time, more than once. */
  close(): Promise<void>;
}

/** What asking came to: an answer to read, all there is to say, or nothing, because it was stopped meanwhile. */
export type Begun =
  | { readonly reader: BatchReader }
  | { readonly last: EventBatch }
  | { readonly stopped: true };

/**
 * A stream that asks with its first `next()` and then reads the answer. `begin` gets a signal that `return()`
 * aborts too, and has released everything where it brings no reader.
 *
 * Plain functions and calls, no generators and no promises but for the first: one hand on the way of every read.
 */
export function openLazily(begin: (signal: AbortSignal) => Promise<Begun>, signal: AbortSignal): EventStream {
  return new LazyStream(begin, signal);
}

class LazyStream implements EventStream, Pullable {
  private reader: BatchReader | undefined;
  private over: boolean;
  private readonly begin: (signal: AbortSignal) => Promise<Begun>;
  private readonly signal: AbortSignal;
  private readonly stop = new AbortController();

  constructor(begin: (signal: AbortSignal) => Promise<Begun>, signal: AbortSignal) {
    this.begin = begin;
    this.signal = signal;
    this.over = signal.aborted;
    if (!this.over) signal.addEventListener('abort', this.forward);
  }

  pull(receiver: BatchReceiver): void {
    if (this.reader !== undefined) this.reader.pull(receiver);
    else if (this.over) this.end(receiver);
    else this.first(receiver);
  }

  next(): Promise<IteratorResult<EventBatch, undefined>> {
    return pullOnce(this);
  }

  async return(): Promise<IteratorResult<EventBatch, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  private readonly forward = () => this.stop.abort();

  private async close(): Promise<void> {
    this.over = true;
    this.signal.removeEventListener('abort', this.forward);
    this.stop.abort();
    await this.reader?.close();
  }

  private end(receiver: BatchReceiver): void {
    this.close().then(
      () => receiver.end(),
      (bug: unknown) => receiver.broke(bug),
    );
  }

  private first(receiver: BatchReceiver): void {
    this.begin(this.stop.signal).then(
      (begun) => {
        if ('reader' in begun) this.reader = begun.reader;
        if ('reader' in begun && !this.over) begun.reader.pull(receiver);
        else if ('last' in begun) {
          this.close().then(
            () => receiver.batch(begun.last),
            (bug: unknown) => receiver.broke(bug),
          );
        } else this.end(receiver);
      },
      (bug: unknown) => receiver.broke(bug),
    );
  }
}
