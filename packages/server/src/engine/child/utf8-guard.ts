/**
 * Keeps text with a grammar well-formed. llama.cpp's grammars accept overlong forms, surrogates and numbers beyond
 * U+10FFFF as one character; a decoder makes several U+FFFD of them, so a string could be longer than its schema
 * allows.
 * So tokens that occur in no well-formed text are never sampled, and behind a first byte that could begin such a form
 * only the bytes of characters are allowed.
 */
export interface Utf8Guard {
  /** Tokens that occur in no well-formed text. */
  readonly never: readonly number[];
  /** Tokens that may not follow a token with these bytes. */
  after(bytes: Uint8Array): readonly number[];
}

/** First bytes that only some continuation bytes may follow, and these (Unicode, table 3-7). */
const narrowed: ReadonlyMap<number, readonly [from: number, to: number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

const none: readonly number[] = [];

/** `tokens`: those whose bytes are not all ASCII; the others are always well-formed. */
export function createUtf8Guard(tokens: Iterable<readonly [token: number, bytes: Uint8Array]>): Utf8Guard {
  const never: number[] = [];
  const forbidden = new Map<number, number[]>([...narrowed.keys()].map((lead) => [lead, []]));
  for (const [token, bytes] of tokens) {
    if (!occurs(bytes)) {
      never.push(token);
      continue;
    }
    const first = bytes[0] ?? 0;
    if (!isContinuation(first)) continue;
    for (const [lead, [from, to]] of narrowed) {
      if (first < from || first > to) forbidden.get(lead)?.push(token);
    }
  }
  return { never, after: (bytes) => forbidden.get(bytes.at(-1) ?? 0) ?? none };
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

/** True where bytes may occur in well-formed text; a character may be cut at both ends. */
function occurs(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < 3 && isContinuation(bytes[at] ?? 0)) at++;
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0;
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    for (let offset = 1; offset < length && at + offset < bytes.length; offset++) {
      const byte = bytes[at + offset] ?? 0;
      const [from, to] = (offset === 1 ? narrowed.get(lead) : undefined) ?? [0x80, 0xbf];
      if (byte < from || byte > to) return false;
    }
    at += length;
  }
  return true;
}
