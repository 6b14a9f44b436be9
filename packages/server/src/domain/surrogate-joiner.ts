/**
 * Joins the two halves of a surrogate pair that came in two pieces of text: the first half is held until the second comes. A
 * half without its other half becomes U+FFFD, as in any decoder. Each choice and kind of text needs a joiner of its own.
 */
export interface SurrogateJoiner {
  /** Returns the held half and this piece, without a half at its end, which is held. May be empty. */
  take(piece: string): string;
  /** Ends the text: returns U+FFFD for a held half, else an empty text. */
  flush(): string;
  /** Whether a half is held. */
  readonly holding: boolean;
}

/** Creates a joiner that holds nothing. */
export function createSurrogateJoiner(): SurrogateJoiner {
  return new Joiner();
}

class Joiner implements SurrogateJoiner {
  private half = '';

  take(piece: string): string {
    if (piece === '') return '';
    const text = this.half + piece;
    const last = text.charCodeAt(text.length - 1);
    this.half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
    return (this.half === '' ? text : text.slice(0, -1)).toWellFormed();
  }

  flush(): string {
    const left = this.half === '' ? '' : '\ufffd';
    this.half = '';
    return left;
  }

  get holding(): boolean {
    return this.half !== '';
  }
}
