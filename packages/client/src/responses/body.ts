import type { ChatStream } from '../stream/contract.ts';

/** A response whose body is made of the frames that `load` makes. Who cancels the body aborts the stream. */
export function streamedResponse(
  stream: ChatStream,
  load: () => Promise<AsyncIterator<string>>,
  headers: Readonly<Record<string, string>>,
  init: ResponseInit = {},
): Response {
  const body = streamedBody(load, () => stream.abort());
  return new Response(body, { ...init, headers: headersOf(stream, headers, init.headers) });
}

/** What is known of the stream's own head goes on; what the caller gives wins. */
function headersOf(
  { requestId, completionId, streamUrl }: ChatStream,
  own: Readonly<Record<string, string>>,
  given: ResponseInit['headers'],
): Headers {
  const headers = new Headers({
    ...own,
    'cache-control': 'no-cache, no-transform',
    // nginx would hold the pieces back.
    'x-accel-buffering': 'no',
    ...(requestId && { 'x-request-id': requestId }),
    ...(completionId && { 'tailrace-completion-id': completionId }),
    ...(streamUrl && { 'tailrace-stream-url': streamUrl }),
  });
  for (const [name, value] of new Headers(given)) headers.set(name, value);
  return headers;
}

/**
 * Bytes of the texts that `load` makes, at the pace of who reads them. Where making them throws, the body is broken off: it never ends as if
 * it were whole.
 */
export function streamedBody(
  load: () => Promise<AsyncIterator<string>>,
  cancel: () => unknown,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let texts: AsyncIterator<string> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          texts ??= await load();
          const { value, done } = await texts.next();
          if (done === true) controller.close();
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
