/**
 * Makes whole characters of the bytes of tokens. A token may have a part of a character; the part waits for the rest,
 * and at the end of an answer it is dropped.
 */
export interface Utf8Decoder {
  push(bytes: Uint8Array): string;
  /** True while a part of a character waits for the rest. */
  incomplete(): boolean;
}

export function createUtf8Decoder(): Utf8Decoder {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let waiting: Uint8Array = new Uint8Array(0);
  return {
    push(bytes) {
      const arrived = waiting.length === 0 ? bytes : joined(waiting, bytes);
      const cut = arrived.length - incompleteTail(arrived);
      waiting = arrived.slice(cut);
      return decoder.decode(arrived.subarray(0, cut));
    },
    incomplete: () => waiting.length > 0,
  };
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}

/** The number of bytes at the end that are an incomplete character: 0 to 3. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}
