import { createSseDecoder, type SseItem } from '@tailrace/protocol';

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
  const decoder = createSseDecoder({}, take);
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
