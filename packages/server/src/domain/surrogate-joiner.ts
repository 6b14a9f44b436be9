import { decodeJsonText, emptyJsonText, type JsonText, jsonText } from '@tailrace/protocol';

/**
 * Keeps a character whole whose two halves came in two pieces: the first half waits for the second. What stays
 * alone becomes U+FFFD, as it would in any decoder. One for each choice and channel.
 */
export interface SurrogateJoiner {
  /** The part of everything said so far that can go out now, as text that can stand alone; may be empty. */
  take(piece: string): string;
  /** The same of escaped text; what holds no half comes back as it was written. */
  takeJson(json: JsonText): JsonText;
  /** What is still held, as U+FFFD: its other half will not come. Empty where nothing is. */
  flush(): string;
  /** True while half a pair is held. */
  readonly holding: boolean;
}

const halfEscaped = /\\ud[89a-f]/i;

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

  takeJson(json: JsonText): JsonText {
    // Nearly every delta: one test, and for one beyond ASCII a second; only halves and emoji are decoded.
    if (this.half === '' && !(json.includes('\\u') && halfEscaped.test(json))) return json;
    const said = this.take(decodeJsonText(json));
    return said === '' ? emptyJsonText : jsonText(said);
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
