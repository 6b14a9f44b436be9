/**
 * The bytes of tokens, from the vocabulary in the file. The library's detokeniser returns strings, which lose the parts
 * of a character that consists of several tokens.
 */

/** GPT-2's characters for bytes: printable bytes are themselves, the others are the characters from U+0100 on. */
const byteOfStandIn: ReadonlyMap<number, number> = (() => {
  const bytes = new Map<number, number>();
  let standIn = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    bytes.set(printable ? byte : standIn++, byte);
  }
  return bytes;
})();

const encoder = new TextEncoder();

/** A piece of a byte-level BPE vocabulary (`Ġthe` is ` the`). */
export function bytesOfByteLevelPiece(piece: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of piece) {
    const byte = byteOfStandIn.get(character.codePointAt(0) ?? 0);
    if (byte === undefined) bytes.push(...encoder.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** A piece of a SentencePiece vocabulary (`▁the` is ` the`, `<0x0A>` is one byte where the token is a byte). */
export function bytesOfSentencePiece(piece: string, isByte: boolean): Uint8Array {
  const hex = isByte ? /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1] : undefined;
  if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
  return encoder.encode(piece.replaceAll('\u2581', ' '));
}

/** True for texts that look like markup: of user-defined tokens only these are control tokens. */
export function looksLikeMarkup(text: string): boolean {
  return /^(<[^\s<>]+>|\[[^\s[\]]+\])$/.test(text);
}
