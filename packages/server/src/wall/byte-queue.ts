/** Bytes that come at one end and are taken off at the other; both cost what they are long. */
export interface ByteQueue {
  push(more: Buffer): void;
  /** All of them; valid until the next `push`. */
  bytes(): Buffer;
  /** Where a sequence of bytes begins, or -1. What has been searched for it in vain is not searched again. */
  indexOf(sequence: Buffer): number;
  /** Takes that many off the front. */
  drop(count: number): void;
}

const leastBytes = 1024;

export function createByteQueue(): ByteQueue {
  let buffer: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  /** From `start`: no sequence that was searched for begins before it. */
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
