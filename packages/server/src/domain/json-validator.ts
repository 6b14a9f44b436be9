import type { JsonText } from '@tailrace/protocol';

/**
 * Checks whether a text that comes in pieces is JSON. It accepts exactly what `JSON.parse` accepts (RFC 8259), up to
 * {@link maxDepth} levels of nesting. It keeps no text: it takes one step a character and one bit for each open bracket.
 */
export interface JsonValidator {
  /** Takes the next piece, which may end anywhere. */
  push(text: string): void;
  /** Takes the next piece as escaped text, without decoding it. */
  pushEscaped(json: JsonText): void;
  /** Whether the text so far is one whole JSON value. */
  readonly whole: boolean;
  /** Whether it is whole and only white space can follow. False for a number, because more digits may follow. */
  readonly closed: boolean;
  /** Whether no continuation can make the text JSON. */
  readonly broken: boolean;
  /** Whether the value is an object, also while it is open. */
  readonly isObject: boolean;
  /** Whether the value has a member, an item or, where it is neither object nor list, a character. */
  readonly filled: boolean;
  /** {@link push} up to the end of the value. Returns how many units it has taken: the rest is behind the value. */
  pushValue(text: string): number;
  /** Another validator in the same state. Costs one word for each 32 open brackets. */
  copy(): JsonValidator;
}

/** No program reads deeper JSON. The open brackets take at most 125 kB. */
const maxDepth = 1_000_000;

/** Creates a validator for one text. */
export function createJsonValidator(): JsonValidator {
  return new Validator();
}

type State =
  /** Expects a value; `first-item` also accepts the end of the array. */
  | 'value'
  | 'first-item'
  /** Expects a key; `first-key` also accepts the end of the object. */
  | 'key'
  | 'first-key'
  | 'colon'
  /** After a value inside an array or object: expects a comma, or the end of the array or object. */
  | 'after-value'
  | 'string'
  | 'escape'
  | 'unicode'
  | 'literal'
  | 'minus'
  | 'zero'
  | 'digits'
  | 'point'
  | 'fraction'
  | 'exponent-sign'
  | 'exponent-digit'
  | 'exponent'
  | 'end'
  | 'broken';

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const comma = 0x2c;
const colon = 0x3a;
const letterU = 0x75;

class Validator implements JsonValidator {
  private state: State = 'value';
  private depth = 0;
  /** One bit for each open array or object, outermost first; set for an object. */
  private open: number[] = [];
  /** The current string is a key. */
  private keyed = false;
  private literal = '';
  /** Characters of the current literal, or digits of the current escape, so far. */
  private at = 0;
  isObject = false;
  filled = false;

  get whole(): boolean {
    return this.closed || (this.depth === 0 && endsNumber(this.state));
  }

  get closed(): boolean {
    return this.state === 'end';
  }

  get broken(): boolean {
    return this.state === 'broken';
  }

  pushValue(text: string): number {
    for (let i = 0; i < text.length; i += 1) {
      if (this.state === 'end') return i;
      const unit = text.charCodeAt(i);
      if (this.state === 'string' && unit >= 0x20 && unit !== quote && unit !== backslash) continue;
      this.step(unit);
    }
    return text.length;
  }

  copy(): JsonValidator {
    const other = new Validator();
    other.state = this.state;
    other.depth = this.depth;
    other.open = this.open.slice(0, (this.depth >> 5) + 1);
    other.keyed = this.keyed;
    other.literal = this.literal;
    other.at = this.at;
    other.isObject = this.isObject;
    other.filled = this.filled;
    return other;
  }

  push(text: string): void {
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      // Nearly every character is one within a string.
      if (this.state === 'string' && unit >= 0x20 && unit !== quote && unit !== backslash) continue;
      this.step(unit);
    }
  }

  pushEscaped(json: JsonText): void {
    for (let i = 0; i < json.length; i += 1) {
      const unit = json.charCodeAt(i);
      if (unit !== backslash) {
        if (this.state !== 'string') this.step(unit);
        continue;
      }
      i += 1;
      const kind = json.charCodeAt(i);
      if (kind === letterU) {
        this.step(Number.parseInt(json.slice(i + 1, i + 5), 16));
        i += 4;
      } else this.step(unescaped(kind));
    }
  }

  private step(unit: number): void {
    switch (this.state) {
      case 'string':
        if (unit === quote) this.endString();
        else if (unit === backslash) this.state = 'escape';
        else if (unit < 0x20) this.state = 'broken';
        return;
      case 'escape':
        this.at = 0;
        this.state = unit === letterU ? 'unicode' : isEscape(unit) ? 'string' : 'broken';
        return;
      case 'unicode':
        this.at += 1;
        if (!isHexDigit(unit)) this.state = 'broken';
        else if (this.at === 4) this.state = 'string';
        return;
      case 'literal':
        if (unit !== this.literal.charCodeAt(this.at)) this.state = 'broken';
        else if (this.at === this.literal.length - 1) this.endValue();
        this.at += 1;
        return;
      case 'minus':
        this.state = unit === 0x30 ? 'zero' : isDigit(unit) ? 'digits' : 'broken';
        return;
      case 'zero':
      case 'digits':
        if (this.state === 'digits' && isDigit(unit)) return;
        if (unit === 0x2e) this.state = 'point';
        else this.exponentOrEnd(unit);
        return;
      case 'point':
        this.state = isDigit(unit) ? 'fraction' : 'broken';
        return;
      case 'fraction':
        if (!isDigit(unit)) this.exponentOrEnd(unit);
        return;
      case 'exponent-sign':
        if (unit === 0x2b || unit === 0x2d) this.state = 'exponent-digit';
        else this.state = isDigit(unit) ? 'exponent' : 'broken';
        return;
      case 'exponent-digit':
        this.state = isDigit(unit) ? 'exponent' : 'broken';
        return;
      case 'exponent':
        if (!isDigit(unit)) this.endNumber(unit);
        return;
      case 'broken':
        return;
      default:
        if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) this.between(unit);
    }
  }

  /** Takes a character that is outside of strings, numbers and literals, and not white space. */
  private between(unit: number): void {
    switch (this.state) {
      case 'first-item':
        if (unit === closeBracket) this.close(unit);
        else this.begin(unit);
        return;
      case 'value':
        this.begin(unit);
        return;
      case 'first-key':
        if (unit === closeBrace) this.close(unit);
        else this.beginKey(unit);
        return;
      case 'key':
        this.beginKey(unit);
        return;
      case 'colon':
        this.state = unit === colon ? 'value' : 'broken';
        return;
      case 'after-value':
        if (unit !== comma) this.close(unit);
        else this.state = this.insideObject() ? 'key' : 'value';
        return;
      default:
        this.state = 'broken';
    }
  }

  private beginKey(unit: number): void {
    this.filled = true;
    this.keyed = true;
    this.state = unit === quote ? 'string' : 'broken';
  }

  private begin(unit: number): void {
    if (this.depth > 0 || (unit !== openBrace && unit !== openBracket)) this.filled = true;
    else this.isObject = unit === openBrace;
    switch (unit) {
      case quote:
        this.keyed = false;
        this.state = 'string';
        return;
      case openBrace:
        this.enter(true);
        return;
      case openBracket:
        this.enter(false);
        return;
      case 0x2d:
        this.state = 'minus';
        return;
      case 0x30:
        this.state = 'zero';
        return;
      default:
        if (isDigit(unit)) this.state = 'digits';
        else this.beginLiteral(unit);
    }
  }

  private beginLiteral(unit: number): void {
    this.literal = unit === 0x74 ? 'true' : unit === 0x66 ? 'false' : 'null';
    this.at = 1;
    this.state = unit === this.literal.charCodeAt(0) ? 'literal' : 'broken';
  }

  private enter(isObject: boolean): void {
    const word = this.depth >> 5;
    const bit = 1 << (this.depth & 31);
    const bits = this.open[word] ?? 0;
    this.open[word] = isObject ? bits | bit : bits & ~bit;
    this.depth += 1;
    this.state = this.depth > maxDepth ? 'broken' : isObject ? 'first-key' : 'first-item';
  }

  private close(unit: number): void {
    if (unit !== (this.insideObject() ? closeBrace : closeBracket)) {
      this.state = 'broken';
      return;
    }
    this.depth -= 1;
    this.endValue();
  }

  private insideObject(): boolean {
    const inner = this.depth - 1;
    return (((this.open[inner >> 5] ?? 0) >> (inner & 31)) & 1) === 1;
  }

  private endString(): void {
    if (this.keyed) this.state = 'colon';
    else this.endValue();
  }

  private endValue(): void {
    this.state = this.depth === 0 ? 'end' : 'after-value';
  }

  private exponentOrEnd(unit: number): void {
    if (unit === 0x65 || unit === 0x45) this.state = 'exponent-sign';
    else this.endNumber(unit);
  }

  /** A number has no end of its own: the character after it ends it, and is taken as the next one. */
  private endNumber(unit: number): void {
    this.endValue();
    this.step(unit);
  }
}

function endsNumber(state: State): boolean {
  return state === 'zero' || state === 'digits' || state === 'fraction' || state === 'exponent';
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isHexDigit(unit: number): boolean {
  const letter = unit | 0x20;
  return isDigit(unit) || (letter >= 0x61 && letter <= 0x66);
}

function isEscape(unit: number): boolean {
  return '"\\/bfnrt'.includes(String.fromCharCode(unit));
}

/** The character that an escape with this letter stands for. */
function unescaped(letter: number): number {
  switch (letter) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return letter;
  }
}
