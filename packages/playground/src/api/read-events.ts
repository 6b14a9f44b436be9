import { createSseDecoder, type SseItem } from '@tailrace/protocol';

/** An upstream's event of 1 MiB may leave the server six times as long, as ASCII; `stream.max_event` may be larger still. */
const maxEventBytes = 64 * 1024 * 1024;

/**
 * Reads an SSE answer to its end, and hands on each item as it arrives, and before it the bytes of each read. Rejects where the
 * connection breaks or is aborted.
 */
export async function readEvents(
  response: Response,
  take: (item: SseItem) => void,
  takeBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = createSseDecoder({ maxEventBytes }, take);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      takeBytes(value);
      decoder.push(value);
    }
    decoder.end();
  } finally {
    reader.releaseLock();
  }
}
