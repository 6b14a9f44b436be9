import { mergeHeaders } from '../client/options.ts';
import type { ChatStream } from '../stream/contract.ts';

type Frames = typeof import('./frames.ts');

/** Makes the texts of a body. */
export type MakeTexts = (frames: Frames) => AsyncIterator<string>;

/** A response whose body is made of the texts of `make`. Who cancels the body aborts the stream. */
export function streamedResponse(
  stream: ChatStream,
  make: MakeTexts,
  headers: Readonly<Record<string, string>>,
  init: ResponseInit = {},
): Response {
  // What is known of the stream's own head goes on; what the caller gives wins.
  const own = {
    ...headers,
    'cache-control': 'no-cache, no-transform',
    // nginx would hold the pieces back.
    'x-accel-buffering': 'no',
    'x-request-id': stream.requestId,
    'tailrace-completion-id': stream.completionId,
    'tailrace-stream-url': stream.streamUrl,
  };
  return new Response(
    streamedBody(make, () => stream.abort()),
    { ...init, headers: mergeHeaders(own, new Headers(init.headers)) },
  );
}

/**
 * Bytes of the texts of `make`, at the pace of who reads them. Where making them throws, the body is broken off: it never ends as if it
 * were whole.
 */
export function streamedBody(make: MakeTexts, cancel: () => unknown): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let texts: AsyncIterator<string> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          texts ??= make(await import('./frames.ts'));
          const { value, done } = await texts.next();
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          controller.error(error);
        }
      },
      async cancel() {
        await cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
