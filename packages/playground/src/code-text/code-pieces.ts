/** A part of a code block that is drawn, and later coloured, by itself: whole lines, but for lines that are longer than it may be. */
export interface CodePiece {
  /** Without the line end after its last line: each piece begins a line. */
  readonly text: string;
  /** It ends inside of a line. */
  readonly isCut: boolean;
}

const maxLength = 4_096;

/** Only the last piece of a text that grows changes, so the browser lays out only that one anew. */
export function codePieces(text: string): readonly CodePiece[] {
  const pieces: CodePiece[] = [];
  for (let from = 0; from <= text.length; ) {
    const rest = text.length - from;
    if (rest <= maxLength) {
      pieces.push({ text: text.slice(from), isCut: false });
      break;
    }
    const end = text.lastIndexOf('\n', from + maxLength);
    const isCut = end < from;
    const to = isCut ? cutAt(text, from + maxLength) : end;
    pieces.push({ text: text.slice(from, to), isCut });
    from = isCut ? to : to + 1;
  }
  return pieces;
}

/** No cut inside of a surrogate pair. */
function cutAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
