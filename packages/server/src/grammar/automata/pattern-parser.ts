import { complement, lastCodePoint, type Range, union } from './code-points.ts';

/** A regular expression of the supported subset of JSON Schema's `pattern` (ECMA-262, `u` flag). */
export type Pattern =
  | { readonly kind: 'characters'; readonly ranges: readonly Range[] }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly items: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max?: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' };

/** `ahead`: the look-aheads at the start (`^(?!…)`). They are conditions on the whole string, and so are regular. */
export interface ParsedPattern {
  readonly body: Pattern;
  readonly ahead: readonly { readonly body: Pattern; readonly negated: boolean }[];
}

export type PatternProblem =
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

const digits: readonly Range[] = [[0x30, 0x39]];
const word: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** White space and line terminators of ECMA-262. */
const space: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineTerminators: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const classes: Readonly<Record<string, readonly Range[]>> = {
  d: digits,
  D: complement(digits),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/** Larger quantifiers are refused: their automaton would be too large in any case. */
const maxTimes = 10_000;
const maxNesting = 100;

/** Parses a pattern; returns the first problem where the pattern is malformed or not supported. */
export function parsePattern(source: string): ParsedPattern | PatternProblem {
  const input = Array.from(source);
  let position = 0;
  let nesting = 0;
  let problem: PatternProblem | undefined;
  const ahead: { body: Pattern; negated: boolean }[] = [];
  const nothing: Pattern = { kind: 'sequence', items: [] };

  function stop(kind: PatternProblem['kind'], reason: string): Pattern {
    problem ??= { kind, reason };
    position = input.length;
    return nothing;
  }
  const isNext = (text: string): boolean => input.slice(position, position + text.length).join('') === text;
  function take(text: string): boolean {
    if (!isNext(text)) return false;
    position += text.length;
    return true;
  }

  function parseChoice(): Pattern {
    nesting += 1;
    if (nesting > maxNesting) return stop('unsupported', 'its groups are nested too deep');
    const items = [parseSequence()];
    while (take('|')) items.push(parseSequence());
    nesting -= 1;
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'choice', items };
  }

  function parseSequence(): Pattern {
    const items: Pattern[] = [];
    while (position < input.length && !isNext('|') && !isNext(')')) items.push(parseQuantified());
    return { kind: 'sequence', items };
  }

  function parseQuantified(): Pattern {
    const item = parseAtom();
    const bounds = parseQuantifier();
    if (bounds === undefined) return item;
    take('?');
    if (item.kind === 'start' || item.kind === 'end')
      return stop('malformed', 'an anchor cannot be repeated');
    if (parseQuantifier() !== undefined) return stop('malformed', 'two quantifiers follow one another');
    if (bounds.max !== undefined && bounds.max < bounds.min)
      return stop('malformed', 'a quantifier is out of order');
    if (Math.max(bounds.min, bounds.max ?? 0) > maxTimes)
      return stop('unsupported', 'a quantifier is too large');
    return { kind: 'repeat', item, ...bounds };
  }

  function parseQuantifier(): { min: number; max?: number } | undefined {
    if (take('*')) return { min: 0 };
    if (take('+')) return { min: 1 };
    if (take('?')) return { min: 0, max: 1 };
    const braces = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(input.slice(position, position + 24).join(''));
    if (braces === null) return undefined;
    position += braces[0].length;
    const min = Number(braces[1]);
    if (braces[2] === undefined) return { min, max: min };
    return braces[3] === '' || braces[3] === undefined ? { min } : { min, max: Number(braces[3]) };
  }

  function parseAtom(): Pattern {
    const character = input[position] ?? '';
    position += 1;
    switch (character) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'characters', ranges: complement(lineTerminators) };
      case '[':
        return parseClass();
      case '(':
        return parseGroup();
      case '\\':
        return parseEscape();
      case '*':
      case '+':
      case '?':
      case '{':
      case ')':
        return stop('malformed', `a “${character}” stands where nothing can be repeated or closed`);
      default:
        return { kind: 'characters', ranges: single(character.codePointAt(0) ?? 0) };
    }
  }

  function parseGroup(): Pattern {
    const atStart = nesting === 1 && input.slice(0, position - 1).join('') === '^';
    const lookAhead = take('?=') ? 'positive' : take('?!') ? 'negative' : undefined;
    if (lookAhead !== undefined && !atStart && !afterLookAhead()) {
      return stop('unsupported', 'look-around is supported only as a look-ahead right after the opening “^”');
    }
    if (isNext('?<=') || isNext('?<!')) return stop('unsupported', 'look-behind is not supported');
    if (lookAhead === undefined && take('?')) {
      if (!take(':') && !takeName()) return stop('unsupported', 'this kind of group is not supported');
    }
    const body = parseChoice();
    if (!take(')')) return stop('malformed', 'a group is not closed');
    if (lookAhead === undefined) return body;
    ahead.push({
      body: { kind: 'sequence', items: [{ kind: 'start' }, body] },
      negated: lookAhead === 'negative',
    });
    endOfAhead = position;
    return nothing;
  }

  let endOfAhead = -1;
  function afterLookAhead(): boolean {
    return nesting === 1 && input[endOfAhead] === '(' && position - 3 === endOfAhead;
  }

  function takeName(): boolean {
    const name = /^<[A-Za-z_$][\w$]*>/.exec(input.slice(position, position + 100).join(''));
    if (name === null) return false;
    position += name[0].length;
    return true;
  }

  function parseEscape(): Pattern {
    const character = input[position] ?? '';
    const set = classes[character];
    if (set !== undefined) {
      position += 1;
      return { kind: 'characters', ranges: set };
    }
    if (character === 'b' || character === 'B')
      return stop('unsupported', 'word boundaries are not supported');
    if (/[1-9k]/.test(character)) return stop('unsupported', 'references back to a group are not supported');
    if (/[pP]/.test(character)) return stop('unsupported', 'Unicode property classes are not supported');
    const codePoint = parseCharacterEscape();
    return codePoint === undefined ? nothing : { kind: 'characters', ranges: single(codePoint) };
  }

  /** The code point of an escape, behind its backslash. */
  function parseCharacterEscape(): number | undefined {
    const rest = input.slice(position, position + 12).join('');
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/.exec(rest);
    if (hex !== null) {
      position += hex[0].length;
      const value = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '0', 16);
      const low = /^\\u(d[c-f][0-9a-f]{2})/i.exec(input.slice(position, position + 6).join(''));
      if (value >= 0xd800 && value <= 0xdbff && low?.[1] !== undefined) {
        position += low[0].length;
        return (value - 0xd800) * 0x400 + (Number.parseInt(low[1], 16) - 0xdc00) + 0x10000;
      }
      if (value <= lastCodePoint) return value;
    }
    const letter = /^c([A-Za-z])/.exec(rest);
    if (letter?.[1] !== undefined) {
      position += 2;
      return letter[1].charCodeAt(0) % 32;
    }
    const character = input[position];
    position += 1;
    if (character === undefined) stop('malformed', 'it ends in a backslash');
    else if (controls[character] !== undefined) return controls[character];
    else if (/[A-Za-z0-9]/.test(character)) stop('malformed', `“\\${character}” is no escape`);
    return character?.codePointAt(0);
  }

  function parseClass(): Pattern {
    const negated = take('^');
    const ranges: Range[] = [];
    while (!take(']')) {
      if (position >= input.length) return stop('malformed', 'a character class is not closed');
      const from = parseClassMember();
      const isRange = isNext('-') && input[position + 1] !== ']' && position + 1 < input.length;
      if (!isRange) {
        ranges.push(...from);
        continue;
      }
      position += 1;
      const to = parseClassMember();
      const [first] = from;
      const [last] = to;
      const lone =
        from.length === 1 && to.length === 1 && first?.[0] === first?.[1] && last?.[0] === last?.[1];
      if (first === undefined || last === undefined) return nothing;
      if (!lone) return stop('malformed', 'a range of a character class needs a character on both sides');
      if (last[0] < first[0]) return stop('malformed', 'a range of a character class is out of order');
      ranges.push([first[0], last[0]]);
    }
    return { kind: 'characters', ranges: negated ? complement(ranges) : union(ranges) };
  }

  function parseClassMember(): readonly Range[] {
    const character = input[position] ?? '';
    position += 1;
    if (character !== '\\') return single(character.codePointAt(0) ?? 0);
    const escaped = input[position] ?? '';
    const set = classes[escaped];
    if (set !== undefined) {
      position += 1;
      return set;
    }
    if (escaped === 'b') {
      position += 1;
      return single(8);
    }
    if (/[pP]/.test(escaped)) stop('unsupported', 'Unicode property classes are not supported');
    const codePoint = parseCharacterEscape();
    return codePoint === undefined ? [] : single(codePoint);
  }

  const body = parseChoice();
  if (problem === undefined && position < input.length) stop('malformed', 'a “)” closes nothing');
  // `^(?!x)a|b` would bind the look-ahead to one alternative only.
  if (problem === undefined && ahead.length > 0 && body.kind === 'choice') {
    stop(
      'unsupported',
      'a look-ahead beside alternatives is not supported; put the alternatives into a group',
    );
  }
  return problem ?? { body, ahead };
}

function single(codePoint: number): readonly Range[] {
  return [[codePoint, codePoint]];
}
