import type { Failure, Result } from '../../domain/failure.ts';
import type { EventBatch } from '../../domain/stream-event.ts';
import type { WireAnswer } from '../../transport/connection.ts';
import type { PostRequest, Transport } from '../../transport/transport.ts';
import type { EventStream } from '../contract.ts';
import { readRefusal } from './read-refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Translation } from './translation.ts';

export interface HttpStreamOptions {
  readonly transport: Transport;
  /** The request, or why it cannot be made: then that is all the stream says. */
  readonly request: Result<PostRequest>;
  readonly translation: Translation;
  /** How long finishes wait for the usage behind them, in milliseconds (contract, section 7). */
  readonly usageWaitMs: number;
  /** Reads an answer that is no stream. */
  refused(refusal: Refusal): Failure;
}

/** Asks once and streams the answer: one batch a read of the socket, released on every path. */
export function openHttpStream(options: HttpStreamOptions, signal: AbortSignal): EventStream {
  // `return` has to wake a stream that waits, so it needs an abort of its own.
  const stop = new AbortController();
  const batches = run(options, AbortSignal.any([signal, stop.signal]));
  return {
    next: () => batches.next(),
    async return() {
      stop.abort();
      await batches.return(undefined);
      return { done: true, value: undefined };
    },
  };
}

async function* run(
  { transport, request, translation, usageWaitMs, refused }: HttpStreamOptions,
  signal: AbortSignal,
): AsyncGenerator<EventBatch, undefined, undefined> {
  if (signal.aborted) return;
  if (!request.ok) {
    yield [{ type: 'failed', failure: request.failure }];
    return;
  }
  const sent = await transport.post(request.value, signal);
  if (!sent.ok) {
    if (!signal.aborted) yield [{ type: 'failed', failure: sent.failure }];
    return;
  }
  const { body } = sent.value;
  try {
    if (!isEventStream(sent.value)) {
      const failure = refused(await readRefusal(sent.value));
      if (!signal.aborted) yield [{ type: 'failed', failure }];
      return;
    }
    yield* translate(sent.value, translation, usageWaitMs, signal);
  } finally {
    await body.return();
  }
}

async function* translate(
  { body }: WireAnswer,
  translation: Translation,
  usageWaitMs: number,
  signal: AbortSignal,
): AsyncGenerator<EventBatch, undefined, undefined> {
  let hold: NodeJS.Timeout | undefined;
  try {
    while (!signal.aborted) {
      // Letting go of the body ends the read that waits, and with it the wait for the usage. It is counted from
      // where it is read for: while a slow client holds us back the usage may have come long ago.
      if (translation.holding) hold ??= setTimeout(() => body.release(), usageWaitMs);
      const read = await body.next();
      if (signal.aborted) return;
      const batch = read.done === true ? translation.end(read.value) : translation.push(read.value);
      if (translation.ended) {
        // What is left is a courtesy (`message_stop`): read away, so that the connection can serve again.
        body.release();
        if (batch !== undefined && batch.length > 0) yield batch;
        return;
      }
      if (batch !== undefined) yield batch;
    }
  } finally {
    clearTimeout(hold);
  }
}

function isEventStream({ status, headers }: WireAnswer): boolean {
  const type = headers['content-type'];
  return status === 200 && typeof type === 'string' && /^\s*text\/event-stream\b/i.test(type);
}
