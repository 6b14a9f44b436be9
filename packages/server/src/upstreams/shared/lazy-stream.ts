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
  const stop = new AbortController();
  const forward = () => stop.abort();
  let reader: BatchReader | undefined;
  let over = signal.aborted;
  if (!over) signal.addEventListener('abort', forward);

  async function close(): Promise<void> {
    over = true;
    signal.removeEventListener('abort', forward);
    stop.abort();
    await reader?.close();
  }

  function end(receiver: BatchReceiver): void {
    close().then(
      () => receiver.end(),
      (bug: unknown) => receiver.broke(bug),
    );
  }

  function first(receiver: BatchReceiver): void {
    begin(stop.signal).then(
      (begun) => {
        if ('reader' in begun) {
          reader = begun.reader;
          if (!over) return reader.pull(receiver);
        }
        if ('last' in begun)
          close()
            .then(() => receiver.batch(begun.last))
            .catch((bug) => receiver.broke(bug));
        else end(receiver);
      },
      (bug: unknown) => receiver.broke(bug),
    );
  }

  function pull(receiver: BatchReceiver): void {
    if (reader !== undefined) reader.pull(receiver);
    else if (over) end(receiver);
    else first(receiver);
  }

  return {
    pull,
    next: () => pullOnce({ pull }),
    async return() {
      await close();
      return { done: true, value: undefined };
    },
  };
}
