import { createJsonValidator, type JsonValidator } from '../domain/json-validator.ts';
import { createTextPieces, type TextPieces } from '../domain/text-pieces.ts';

/**
 * Reads one JSON value from pieces that are either its next characters or, at some upstreams, the whole value so far
 * (cumulative). A piece that begins with all the text so far is cumulative where the text followed by the piece could not be
 * one JSON value: `{"a` and `{"a":1`. Where both readings are possible (`{"a":` and `{"a":1}`, which may become
 * `{"a":{"a":1}}`), the piece is held until a later one leaves only one reading.
 *
 * Time is linear in the length of what comes: only a piece that is at least as long as the text so far is compared with it.
 */
export interface ValueReader {
  /** Takes the next piece; not called once the value is closed. Returns what comes after the end of the value. */
  push(piece: string): string;
  /**
   * Chooses the reading that makes the value complete, if there is one. `atEnd`: else the reading as next characters. Returns
   * what comes after the end of the value.
   */
  settle(atEnd?: boolean): string;
  /** The text that was read since the last call. */
  takeFresh(): string;
  /** All the text so far, with what is held. */
  text(): string;
  /** No character has come. */
  readonly blank: boolean;
  readonly closed: boolean;
  /** The value is an object, and its first key has begun. */
  readonly isFilledObject: boolean;
  /** UTF-16 units that are kept. */
  readonly size: number;
}

/** Creates a reader for a value; its first character must not be white space. */
export function createValueReader(): ValueReader {
  return new Reader();
}

/** The two readings of pieces that begin with all the text before them. */
interface Doubt {
  /** The held pieces, as the next characters. */
  readonly next: TextPieces<string>;
  /** Has read the text and `next`. */
  readonly validator: JsonValidator;
  /** The last held piece, as the whole value so far. */
  whole: string;
}

class Reader implements ValueReader {
  private validator = createJsonValidator();
  private readonly taken = createTextPieces();
  private readonly fresh = createTextPieces();
  private way: 'unknown' | 'pieces' | 'cumulative' = 'unknown';
  private doubt: Doubt | undefined;

  get blank(): boolean {
    return this.taken.length === 0;
  }

  get closed(): boolean {
    return this.validator.closed;
  }

  get isFilledObject(): boolean {
    return this.validator.isObject && this.validator.filled;
  }

  get size(): number {
    const { doubt } = this;
    return this.taken.length + (doubt === undefined ? 0 : doubt.next.length + doubt.whole.length);
  }

  takeFresh(): string {
    return this.fresh.length === 0 ? '' : this.fresh.take();
  }

  text(): string {
    return this.taken.join() + (this.doubt?.next.join() ?? '');
  }

  push(piece: string): string {
    if (this.doubt !== undefined) return this.decide(this.doubt, piece);
    const { length } = this.taken;
    const mayRestate = length > 0 && this.way !== 'pieces' && !this.validator.broken;
    const whole = mayRestate && piece.length >= length ? withoutSpaceBefore(piece) : '';
    if (whole.length >= length && length > 0 && whole.startsWith(this.taken.join())) {
      if (this.way === 'cumulative') return this.append(whole.slice(length));
      const validator = this.validator.copy();
      if (continues(validator, piece)) {
        const next = createTextPieces();
        next.add(piece);
        this.doubt = { next, validator, whole };
        return '';
      }
      // A piece that came twice proves nothing about the next ones.
      if (whole.length > length) this.way = 'cumulative';
      return this.append(whole.slice(length));
    }
    if (length > 0 && this.way === 'unknown') this.way = 'pieces';
    return this.append(piece);
  }

  settle(atEnd = false): string {
    const { doubt } = this;
    if (doubt === undefined) return '';
    if (!doubt.validator.whole && isWhole(doubt.whole)) return this.takeWhole(doubt);
    return atEnd || doubt.validator.whole ? this.takeNext(doubt) : '';
  }

  private decide(doubt: Doubt, piece: string): string {
    // White space at the end of the value fits both readings.
    if (piece.trim() === '') {
      doubt.next.add(piece);
      doubt.validator.pushValue(piece);
      return '';
    }
    const whole = withoutSpaceBefore(piece);
    const restates = whole.startsWith(doubt.whole);
    doubt.next.add(piece);
    const isNext = continues(doubt.validator, piece);
    if (isNext && restates && !doubt.validator.closed) {
      doubt.whole = whole;
      return '';
    }
    if (isNext) return this.takeNext(doubt);
    if (!restates && !isWhole(doubt.whole)) return this.takeNext(doubt);
    const rest = this.takeWhole(doubt);
    return this.closed ? rest + piece : this.push(piece);
  }

  private takeNext(doubt: Doubt): string {
    this.doubt = undefined;
    this.way = 'pieces';
    return this.append(doubt.next.join());
  }

  private takeWhole(doubt: Doubt): string {
    this.doubt = undefined;
    this.way = 'cumulative';
    return this.append(doubt.whole.slice(this.taken.length));
  }

  private append(text: string): string {
    const end = this.validator.pushValue(text);
    const own = end === text.length ? text : text.slice(0, end);
    this.taken.add(own);
    this.fresh.add(own);
    return end === text.length ? '' : text.slice(end);
  }
}

/** Pushes a piece. Returns whether it can be the next characters of the value: nothing but white space is behind its end. */
function continues(validator: JsonValidator, piece: string): boolean {
  const end = validator.pushValue(piece);
  return !validator.broken && piece.slice(end).trim() === '';
}

/** The text so far has no white space before the value, but each cumulative piece repeats it. */
function withoutSpaceBefore(piece: string): string {
  return piece.replace(/^[ \t\r\n]+/, '');
}

/** Whether a text is one JSON value, with nothing but white space behind it. */
function isWhole(text: string): boolean {
  const validator = createJsonValidator();
  validator.push(text);
  return validator.whole;
}
