/**
 * Pieces that are kept before they are joined. A piece may be a slice of the text of one socket read. Then it keeps that
 * whole text in memory: 15 times the size of the piece, where deltas are short words. A joined text keeps no such text;
 * joining costs some 0.05 µs a piece.
 */
const loosePieces = 64;

/**
 * Collects a text that comes in pieces and is read whole a few times. Time and memory are linear in its length, however small
 * the pieces are; a string to which pieces are appended is not linear where it is also read after each piece. It has no bound
 * of its own: its owner sets one, by {@link TextPieces.length}.
 */
export interface TextPieces<Text extends string> {
  add(piece: Text): void;
  /** UTF-16 units so far. */
  readonly length: number;
  /** The text so far. */
  join(): Text;
  /** The text so far; the collection is empty afterwards. */
  take(): Text;
  /** Drops the text so far. */
  clear(): void;
}

/** Creates an empty collection. */
export function createTextPieces<Text extends string = string>(): TextPieces<Text> {
  return new Pieces<Text>();
}

class Pieces<Text extends string> implements TextPieces<Text> {
  length = 0;
  private joined: string[] = [];
  private loose: string[] = [];

  add(piece: Text): void {
    if (piece === '') return;
    this.length += piece.length;
    this.loose.push(piece);
    if (this.loose.length < loosePieces) return;
    this.joined.push(this.loose.join(''));
    this.loose.length = 0;
  }

  join(): Text {
    // Joined texts of this type are of this type.
    return (this.joined.join('') + this.loose.join('')) as Text;
  }

  take(): Text {
    const text = this.join();
    this.clear();
    return text;
  }

  clear(): void {
    this.length = 0;
    this.joined = [];
    this.loose = [];
  }
}
