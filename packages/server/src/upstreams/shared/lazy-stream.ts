import type { EventBatch } from '../../domain/stream-event.ts';
import type { EventStream } from '../contract.ts';

/** An answer that is being read: one batch a read. */
export interface BatchReader {
  next(): Promise<IteratorResult<EventBatch, undefined>>;
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
 * Plain functions, not a generator: nested ones cost each read 1.4 µs and more.
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

  async function first(): Promise<IteratorResult<EventBatch, undefined>> {
    const begun = await begin(stop.signal);
    if ('reader' in begun) {
      reader = begun.reader;
      if (!over) return await reader.next();
    }
    await close();
    return 'last' in begun ? { done: false, value: begun.last } : { done: true, value: undefined };
  }

  return {
    next() {
      if (reader !== undefined) return reader.next();
      return over ? Promise.resolve({ done: true, value: undefined }) : first();
    },
    async return() {
      await close();
      return { done: true, value: undefined };
    },
  };
}
