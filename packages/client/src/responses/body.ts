import type { ChatStream } from '../stream/contract.ts';

/**
 * A response whose body is made of the frames that `load` makes. It is read at the pace of the one who reads the body, and that one's going away aborts the
 * stream. Where they throw, the body is broken off: it never ends as if it were whole.
 */
export function streamedResponse(
  stream: ChatStream,
  load: () => Promise<AsyncIterator<string>>,
  headers: Readonly<Record<string, string>>,
  init: ResponseInit = {},
): Response {
  const encoder = new TextEncoder();
  let frames: AsyncIterator<string> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          frames ??= await load();
          const { value, done } = await frames.next();
          if (done === true) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          controller.error(error);
        }
      },
      cancel: () => stream.abort(),
    },
    { highWaterMark: 0 },
  );
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
