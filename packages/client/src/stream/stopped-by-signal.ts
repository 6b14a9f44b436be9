import type { ChatStream } from './contract.ts';

/** Whoever passes an answer on has one: it stops the completion once, by the reader who leaves or by a signal. */
export interface StoppedBySignal {
  /** Its reader has left: the completion stops, unless it is over. */
  stop(): void;
  /** The answer is over: the signal has no effect any more. */
  end(): void;
}

/** An abort of the signal, also an earlier one, stops the completion of this stream. */
export function stoppedBySignal(stream: ChatStream, signal: AbortSignal | undefined): StoppedBySignal {
  let over = false;
  const stop = (): void => {
    if (over) return;
    over = true;
    stream.cancel().catch(() => {});
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop);
  return {
    stop,
    end: () => {
      over = true;
      signal?.removeEventListener('abort', stop);
    },
  };
}
