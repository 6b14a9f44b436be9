import { createJsonScanner, type JsonScanner } from './json-scanner.ts';

/**
 * The arguments of one tool call, made of the pieces of any server: one JSON object, said once.
 *
 * - `{}`, `[]`, `null`, `""` and white space carry nothing: some servers send them ahead of the real arguments. So the beginning
 *   of an object is held until its first key has come, and anything that does not begin like an object is held to its end.
 * - A piece that begins with all the text so far is the text so far once more (cumulative), unless it can be what comes next:
 *   `{"a":` and `{"a":1}` may become `{"a":{"a":1}}`. Then it is held until a later piece, or the end, decides.
 * - Behind a complete object, the same object is a repetition. Anything else is appended at the end, so that the arguments are
 *   no JSON: it cannot be known which of the two is meant.
 *
 * Time is linear in the length of what comes.
 */
export interface ToolArguments {
  /** Takes the next piece, which may end anywhere. */
  add(piece: string): void;
  /** Decides what the next piece would decide. */
  settle(): void;
  /** Ends the arguments: `{}` where none have come. `ranOut`: the answer ran out of tokens, so they may be cut. */
  end(ranOut: boolean): void;
  /** The object as far as it came. It only grows. */
  readonly text: string;
  /** `none`: nothing, or white space. `empty`: only what carries nothing. `whole`: the arguments are complete. */
  readonly state: 'none' | 'empty' | 'begun' | 'whole';
}

/** Creates the arguments of one call. */
export function createToolArguments(): ToolArguments {
  let text = '';
  let phase: 'before' | 'inside' | 'after' = 'before';
  let sawEmpty = false;
  let value = createValue();
  /** Values behind the complete one that are not it again. */
  let surplus = '';

  function endValue(): void {
    const ended = value.text;
    value = createValue();
    const meant = objectIn(ended);
    if (phase === 'inside') {
      text = ended;
      phase = 'after';
    } else if (phase === 'after') {
      // One comparison is enough: what has a surplus is no JSON.
      if (surplus !== '' || (meant !== '' && !isSameJson(meant ?? ended, text))) surplus += ended;
    } else if (meant === '') sawEmpty = true;
    else {
      text = meant ?? ended;
      phase = 'after';
    }
  }

  function update(): void {
    if (phase === 'before' && value.isFilledObject) phase = 'inside';
    if (phase === 'inside') text = value.text;
    if (value.closed) endValue();
  }

  function add(piece: string): void {
    let rest = piece;
    while (rest !== '') {
      if (value.text === '') rest = rest.trimStart();
      rest = value.push(rest);
      update();
    }
  }

  function settle(atEnd = false): void {
    const rest = value.settle(atEnd);
    update();
    if (rest !== '') add(rest);
  }

  return {
    add,
    settle: () => settle(),
    end(ranOut) {
      settle(true);
      if (phase === 'before') {
        text = value.text === '' && !(ranOut && !sawEmpty) ? '{}' : value.text;
        sawEmpty = true;
      } else if (phase === 'after') text += surplus + (ranOut ? '' : value.text);
      value = createValue();
      surplus = '';
      phase = 'after';
    },
    get text() {
      return text;
    },
    get state() {
      if (value.text !== '' || phase === 'inside') return 'begun';
      return phase === 'after' ? 'whole' : sawEmpty ? 'empty' : 'none';
    },
  };
}

/** Whether two JSON texts say the same. */
function isSameJson(one: string, other: string): boolean {
  return one === other || meaningOf(one) === meaningOf(other);
}

/** Equal for JSON texts that say the same, whatever their white space and the order of their keys. No digit of a number is ignored. */
export function meaningOf(text: string): string {
  try {
    return `${sorted(JSON.parse(text))} ${numbersOf(text)}`;
  } catch {
    return text;
  }
}

function numbersOf(text: string): string {
  const bare = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '""');
  return String(bare.match(/-?\d[-+.\deE]*/g)?.sort());
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1)))
      : one,
  );
}

/**
 * The object that a JSON text means: the text itself, or the one inside a string (encoded twice, or more often). Empty where the
 * text carries nothing, undefined where it is no object.
 */
function objectIn(text: string): string | undefined {
  if (/^(?:null|\{\s*\}|\[\s*\])?$/.test(text)) return '';
  if (text.startsWith('{')) return text;
  try {
    const inner: unknown = JSON.parse(text);
    const content = typeof inner === 'string' ? inner.trim() : undefined;
    if (content === '' || (content !== undefined && isJson(content))) return objectIn(content);
  } catch {
    // It is no JSON in a string.
  }
  return undefined;
}

/** One value, whose pieces are its next characters or, at some servers, all the text so far. */
interface Value {
  /** Takes the next piece. Returns what comes behind the end of the value. */
  push(piece: string): string;
  /** Chooses the reading that makes the value complete, if there is one. `atEnd`: else the reading as next characters. */
  settle(atEnd: boolean): string;
  /** Without what is held. */
  readonly text: string;
  readonly closed: boolean;
  /** It is an object that is open, and its first key has begun. */
  readonly isFilledObject: boolean;
}

/** The two readings of pieces that begin with all the text before them. */
interface Doubt {
  /** The held pieces as the next characters, and the scanner that has read them. */
  next: string;
  readonly scanner: JsonScanner;
  /** The last held piece, as all the text so far. */
  whole: string;
}

function createValue(): Value {
  let text = '';
  const scanner = createJsonScanner();
  let way: 'unknown' | 'pieces' | 'cumulative' = 'unknown';
  let doubt: Doubt | undefined;

  function append(piece: string): string {
    const length = scanner.push(piece);
    text += piece.slice(0, length);
    return piece.slice(length);
  }

  function take(isWhole: boolean): string {
    if (doubt === undefined) return '';
    const { next, whole } = doubt;
    doubt = undefined;
    way = isWhole ? 'cumulative' : 'pieces';
    return append(isWhole ? whole.slice(text.length) : next);
  }

  function decide(held: Doubt, piece: string): string {
    const whole = piece.trimStart();
    const restates = whole.startsWith(held.whole);
    const isNext = continues(held.scanner, piece);
    // White space at the end of the value fits both readings.
    if (whole === '' || (isNext && restates && !held.scanner.closed)) {
      held.next += piece;
      if (restates) held.whole = whole;
      return '';
    }
    if (isNext || !(restates || isJson(held.whole))) {
      held.next += piece;
      return take(false);
    }
    const rest = take(true);
    return scanner.closed ? rest + piece : push(piece);
  }

  function push(piece: string): string {
    if (doubt !== undefined) return decide(doubt, piece);
    const { length } = text;
    const whole = piece.length >= length ? piece.trimStart() : '';
    if (length > 0 && way !== 'pieces' && whole.startsWith(text)) {
      const copy = scanner.copy();
      if (way === 'unknown' && continues(copy, piece)) {
        doubt = { next: piece, scanner: copy, whole };
        return '';
      }
      // A piece that came twice proves nothing about the next ones.
      if (whole.length > length) way = 'cumulative';
      return append(whole.slice(length));
    }
    if (length > 0 && way === 'unknown') way = 'pieces';
    return append(piece);
  }

  return {
    push,
    settle(atEnd) {
      if (doubt === undefined) return '';
      if (!doubt.scanner.closed && isJson(doubt.whole)) return take(true);
      return atEnd || doubt.scanner.closed ? take(false) : '';
    },
    get text() {
      return text;
    },
    get closed() {
      return scanner.closed;
    },
    get isFilledObject() {
      return text.startsWith('{') && !scanner.closed && !scanner.isEmpty;
    },
  };
}

/** Pushes a piece. Returns whether it can be what comes next: nothing but white space is behind the end of the value. */
function continues(scanner: JsonScanner, piece: string): boolean {
  return piece.slice(scanner.push(piece)).trim() === '' && !scanner.broken;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
