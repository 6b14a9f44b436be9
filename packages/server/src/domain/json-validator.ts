import type { JsonText } from '@tailrace/protocol';

/**
 * Checks, piece by piece, whether a text is JSON. It keeps no text: one step a character, one bit an open bracket.
 * It takes exactly what `JSON.parse` takes (RFC 8259), nested no deeper than {@link maxDepth}.
 */
export interface JsonValidator {
  /** Takes the next piece; a cut may fall anywhere. */
  push(text: string): void;
  /** The same for text that travels escaped; it is not decoded. */
  pushEscaped(json: JsonText): void;
  /** What has come so far is one whole JSON text. */
  readonly whole: boolean;
  /** It is whole, and nothing but white space can follow: false for a number, which may have more digits. */
  readonly closed: boolean;
}

/** Deeper than any reader goes; 125 kB of bits. */
const maxDepth = 1_000_000;

export function createJsonValidator(): JsonValidator {
  return new Validator();
}

type State =
  /** A value is due; `first-item`: or the end of the array. */
  | 'value'
  | 'first-item'
  /** A key is due; `first-key`: or the end of the object. */
  | 'key'
  | 'first-key'
  | 'colon'
  /** Behind a value inside of something: a comma, or the end of that. */
  | 'behind'
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
  /** What is open, outermost first: a bit each, set for an object. */
  private readonly open: number[] = [];
  /** The string under way is a key. */
  private keyed = false;
  private literal = '';
  /** Characters of the literal, or digits of the escape, that have come. */
  private at = 0;

  get whole(): boolean {
    return this.closed || (this.depth === 0 && endsNumber(this.state));
  }

  get closed(): boolean {
    return this.state === 'end';
  }

  push(text: string): void {
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      // Nearly every character there is.
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

  /** A character outside of strings, numbers and words that is no white space. */
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
      case 'behind':
        if (unit !== comma) this.close(unit);
        else this.state = this.insideObject() ? 'key' : 'value';
        return;
      default:
        this.state = 'broken';
    }
  }

  private beginKey(unit: number): void {
    this.keyed = true;
    this.state = unit === quote ? 'string' : 'broken';
  }

  private begin(unit: number): void {
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
    this.state = this.depth === 0 ? 'end' : 'behind';
  }

  private exponentOrEnd(unit: number): void {
    if (unit === 0x65 || unit === 0x45) this.state = 'exponent-sign';
    else this.endNumber(unit);
  }

  /** A number ends with the character behind it, which has yet to be read. */
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

/** The character that a backslash and this letter stand for. */
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
