/**
 * Collects the bytes of a body into one buffer, which doubles its size when it is full. So the time is linear in the length
 * of the body, also where it comes byte by byte. It has no bound of its own: its owner sets one, by `length`.
 */
export interface GatheredBytes {
  /** Copies the bytes: the caller may use their buffer again. */
  add(bytes: Uint8Array): void;
  readonly length: number;
  /** All bytes so far, valid until the next {@link GatheredBytes.add}. */
  bytes(): Uint8Array;
}

const leastBytes = 4 * 1024;

export function createGatheredBytes(): GatheredBytes {
  let buffer = Buffer.alloc(0);
  let length = 0;

  return {
    add(bytes) {
      const needed = length + bytes.length;
      if (needed > buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(leastBytes, buffer.length * 2, needed));
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      buffer.set(bytes, length);
      length = needed;
    },
    get length() {
      return length;
    },
    bytes: () => buffer.subarray(0, length),
  };
}
