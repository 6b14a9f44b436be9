/** A queue of bytes; adding and removing take time linear in their number. */
export interface ByteQueue {
  push(more: Buffer): void;
  /** All bytes in the queue; valid until the next `push`. */
  bytes(): Buffer;
  /** Index of a sequence of bytes, or -1. Bytes that were searched without success are not searched again. */
  indexOf(sequence: Buffer): number;
  /** Removes that many bytes from the front. */
  drop(count: number): void;
}

const leastBytes = 1024;

export function createByteQueue(): ByteQueue {
  let buffer: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  /** Offset from `start` before which no searched sequence begins. */
  let searched = 0;

  return {
    push(more) {
      if (end + more.length > buffer.length) {
        const held = end - start;
        // Twice what is needed, so that each byte is moved once on average, however small the pieces.
        const larger = Buffer.allocUnsafe(Math.max(leastBytes, 2 * (held + more.length)));
        buffer.copy(larger, 0, start, end);
        buffer = larger;
        start = 0;
        end = held;
      }
      more.copy(buffer, end);
      end += more.length;
    },
    bytes: () => buffer.subarray(start, end),
    indexOf(sequence) {
      const found = buffer.subarray(start, end).indexOf(sequence, searched);
      searched = found < 0 ? Math.max(0, end - start - sequence.length + 1) : found;
      return found;
    },
    drop(count) {
      start += count;
      searched = 0;
    },
  };
}
