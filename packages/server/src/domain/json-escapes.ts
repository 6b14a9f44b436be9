/*
 * Finds surrogates in the `\uXXXX` escapes of a JSON text in UTF-8. UTF-8 itself has no surrogates, so half of a pair can
 * only come from an escape. `at` is always the index of the `u`.
 */

const backslash = 0x5c;
const letterU = 0x75;

/** The second hex digit of an escape, in lower case; undefined where the first digit is not D. */
function afterD(bytes: Uint8Array, at: number): number | undefined {
  const second = bytes[at + 2];
  return second === undefined || ((bytes[at + 1] ?? 0) | 0x20) !== 0x64 ? undefined : second | 0x20;
}

/** `\uD800` to `\uDFFF`. */
export function isSurrogate(bytes: Uint8Array, at: number): boolean {
  return isHigh(bytes, at) || isLow(bytes, at);
}

/** `\uD800` to `\uDBFF`. */
function isHigh(bytes: Uint8Array, at: number): boolean {
  const digit = afterD(bytes, at);
  return digit === 0x38 || digit === 0x39 || digit === 0x61 || digit === 0x62;
}

/** `\uDC00` to `\uDFFF`. */
function isLow(bytes: Uint8Array, at: number): boolean {
  const digit = afterD(bytes, at);
  return digit !== undefined && digit >= 0x63 && digit <= 0x66;
}

/** Whether the escape is the first half of a pair and the next escape is its second half. */
export function isPair(bytes: Uint8Array, at: number): boolean {
  return (
    isHigh(bytes, at) && bytes[at + 5] === backslash && bytes[at + 6] === letterU && isLow(bytes, at + 6)
  );
}
