/**
 * The bytes of a body that is read whole: one buffer that doubles, so that a byte is copied a bounded number of times
 * and a body that comes byte by byte costs what it is long, not a buffer a byte. Its owner gives it a bound.
 */
export interface GatheredBytes {
  /** Copies them: the caller may use their buffer again. */
  add(bytes: Uint8Array): void;
  readonly length: number;
  /** All of them so far, valid until the next {@link GatheredBytes.add}. */
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
